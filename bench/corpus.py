"""What the benchmarks speak: texts of our own, with the phonemes that the text frontend makes of them.

    python -m bench.corpus

writes the phonemes anew. They are kept beside the texts so that a machine with nothing but numpy and a runtime for the
model speaks real sentences; a test compares them with the frontend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.vocabulary import token_ids

SENTENCES = Path(__file__).with_name("sentences.json")
"""Sentences of 6 to 16 words, spelt alike on both sides of the Atlantic and without digits: a listener that hears
every word also writes every word as it stands here."""

SHORT_TEXTS = Path(__file__).with_name("short_texts.json")
"""Texts of 1 to 8 words: what a voice assistant says most."""

LANGUAGE_BY_LETTER = {"a": "en-us", "b": "en-gb"}
"""By the first letter of a voice's name."""


@dataclass(frozen=True, slots=True)
class Line:
    """One text of a corpus."""

    text: str
    phonemes: Mapping[str, str]
    """By language: en-us, en-gb."""

    def token_ids(self, voice: str) -> tuple[int, ...]:
        """What ``voice`` is given to say, without the boundary zeros."""
        return token_ids(self.phonemes[LANGUAGE_BY_LETTER[voice[0]]])


@cache
def corpus(path: Path) -> tuple[Line, ...]:
    """The lines of ``SENTENCES`` or ``SHORT_TEXTS``."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Line(row["text"], {language: row[language] for language in LANGUAGE_BY_LETTER.values()}) for row in rows
    )


def main() -> None:
    from gateway.text.core import chunk_text
    from gateway.text.english import load_english
    from gateway.text.languages import Language

    g2ps = load_english()
    for path in (SENTENCES, SHORT_TEXTS):
        rows = json.loads(path.read_text(encoding="utf-8"))
        for row in rows:
            for language in LANGUAGE_BY_LETTER.values():
                (chunk,) = chunk_text(row["text"], g2ps[Language(language)])
                row[language] = chunk.phonemes
        path.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
