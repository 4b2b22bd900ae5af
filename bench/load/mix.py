"""What is asked for: short replies, paragraphs and book pages, the same on every run."""

from __future__ import annotations

import random
from dataclasses import dataclass

from bench.texts import text_of


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of request."""

    name: str
    share: float
    """Of all requests; of the characters spoken a page has many times its share."""
    least: int
    most: int
    """Characters."""


KINDS = (Kind("reply", 0.6, 30, 200), Kind("paragraph", 0.3, 300, 1000), Kind("page", 0.1, 1800, 2600))
"""An assistant's turn, a paragraph read aloud, a page of a book."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One text to speak."""

    kind: str
    text_number: int
    text: str


class Mix:
    """An endless list of requests, drawn from ``texts`` different ones: equal texts must be spoken equally."""

    def __init__(self, only: str | None = None, texts: int = 200, seed: int = 0) -> None:
        kinds = [kind for kind in KINDS if only in {None, kind.name}]
        chosen = random.Random(seed)  # noqa: S311 - a mix, not a secret
        drawn = chosen.choices(kinds, [kind.share for kind in kinds], k=texts)
        self.asks = [
            Ask(kind.name, number, text_of(chosen.randint(kind.least, kind.most), number))
            for number, kind in enumerate(drawn)
        ]
        self._chosen = chosen

    def next(self) -> Ask:
        """The next request."""
        return self._chosen.choice(self.asks)
