"""A novel of any length, the same on every run: chapters, dialogue, dates, money, names and their short forms."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

_NAMES = "Mrs. Ashworth,Captain Lyle,Dr. Penrose,Old Tobias,Miss Harrow,the Rev. Mr. Finch,Isabel,young Edmund,St. John"
_NOUNS = (
    "lantern,harbour,letter,orchard,cellar,violin,staircase,ledger,carriage,storm,garden,mirror,portrait,chapel,meadow"
)
_ADJECTIVES = "narrow,forgotten,half-finished,pale,enormous,well-worn,silent,crooked,three-legged,weather-beaten,solemn"
_VERBS = "examined,abandoned,described,mended,inherited,couldn't find,sold,remembered,hid,wouldn't part with,painted"
_ADVERBS = (
    "at once,in silence,with some reluctance,as though nothing had happened,before the clock struck 9,by candle-light"
)
_SAYS = "said,asked,whispered,cried,answered,muttered"
_LINES = (
    "I don't believe you|It's half past 11, and he isn't here|You owe me £25|We'll leave on the 3rd of May"
    "|Nobody's read it|Have you seen No. 7|That's the 2nd time, sir|What did the 1840s ever do for us|I'd rather not"
    "|Who's there|Read it again"
)


class _Author:
    def __init__(self, seed: int) -> None:
        self._source = random.Random(seed)  # noqa: S311 - words, not secrets

    def pick(self, choices: str, separator: str = ",") -> str:
        return self._source.choice(choices.split(separator))

    def number(self, low: int, high: int) -> int:
        return self._source.randint(low, high)

    def sentence(self) -> str:
        who, what = self.pick(_NAMES), f"the {self.pick(_ADJECTIVES)} {self.pick(_NOUNS)}"
        plain = f"{who} {self.pick(_VERBS)} {what} {self.pick(_ADVERBS)}"
        return self._source.choice(
            [
                f"{plain}.",
                f"{plain}; the {self.pick(_NOUNS)}, however, was {self.pick(_ADJECTIVES)}.",
                f"{plain}—and that, for {self.number(2, 40)} years, was all.",
                f"In {self.number(1790, 1899)}, {plain}, which cost ${self.number(1, 9)},{self.number(100, 999)}.50.",
                f"On {self.pick('Jan.,March,June,Oct.')} {self.number(1, 28)}, {self.number(1801, 1899)}, {plain}!",
                f"Was it {self.pick(_NAMES)} who {self.pick(_VERBS)} {what}?",
                f"About {self.number(2, 98)}% of the {self.pick(_NOUNS)} (some {self.number(1, 9)} ft.) was gone...",
            ]
        )

    def paragraph(self) -> str:
        if self._source.random() < 0.4:
            line, end = self.pick(_LINES, "|"), self.pick("?,!")
            said = f"{self.pick(_SAYS)} {self.pick(_NAMES)}"
            return f"“{line}{end}” {said}. “{self.pick(_LINES, '|')}.”"
        text = " ".join(self.sentence() for _ in range(self.number(2, 7)))
        return text[0].upper() + text[1:]


def chapters(seed: int = 0) -> Iterator[str]:
    """Chapters without end, each with its heading."""
    author = _Author(seed)
    for number in itertools.count(1):
        paragraphs = "\n\n".join(author.paragraph() for _ in range(30))
        yield f"CHAPTER {number}\n\nIn Which {author.pick(_NAMES)} Is Mistaken\n\n{paragraphs}\n\n"


def novel(characters: int, seed: int = 0) -> str:
    """Whole chapters of at least ``characters`` characters."""
    text = ""
    for chapter in chapters(seed):
        if len(text) >= characters:
            break
        text += chapter
    return text.rstrip()
