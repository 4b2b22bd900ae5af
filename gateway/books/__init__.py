"""Long texts: chapters by their headings, parts that are spoken one by one, and the book that is bound of them."""
