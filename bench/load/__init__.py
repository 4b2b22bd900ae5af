"""Load over HTTP: who asks, when they come, what they hear, and what is made of it. ``__main__`` says how to run it."""
