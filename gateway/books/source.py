"""A book's text as it is stored: UTF-32, so that any characters of it are found without reading those before them."""

from __future__ import annotations

from collections.abc import AsyncGenerator

CHARACTER_BYTES = 4
CHARACTERS_AT_ONCE = 65_536


async def encoded(text: str) -> AsyncGenerator[bytes, None]:
    """The text, piece by piece. Four bytes to a character, whatever it is; a lone surrogate becomes a question mark."""
    for start in range(0, len(text), CHARACTERS_AT_ONCE):
        yield text[start : start + CHARACTERS_AT_ONCE].encode("utf-32-le", "replace")


def decoded(content: bytes) -> str:
    """The text again, or any whole characters of it."""
    return content.decode("utf-32-le")
