"""The examples of ``docs/markup.md`` do what they show."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway.text.markup import Lexicon
from gateway.text.markup.elements import ELEMENTS, MAX_VOLUME
from gateway.text.markup.lexicon import MAX_ENTRIES, MAX_TOKENS, MAX_WORD_CHARS
from gateway.text.normaliser import INTERPRETATIONS
from gateway.text.phonemes import MAX_PHONEMES
from tests.text.markup.markup import read, speeches

_MANUAL = (Path(__file__).parents[3] / "docs" / "markup.md").read_text()
_EXAMPLES = [example.strip() for example in re.findall(r"(?:^ {4,}.*\n)+", _MANUAL, re.MULTILINE)]


@pytest.mark.parametrize("example", [example for example in _EXAMPLES if not example.startswith('"')])
def test_examples(example: str) -> None:
    script = read(example)

    assert script.segments
    assert not any("[" in speech.text.text for speech in speeches(script))


def test_lexicon() -> None:
    [example] = [example for example in _EXAMPLES if example.startswith('"lexicon"')]

    assert Lexicon(json.loads("{" + example + "}")["lexicon"])


def test_tables_are_complete() -> None:
    for name in ELEMENTS:
        assert f"`<{name}>`" in _MANUAL
    [interpretations] = re.findall(r"`interpret-as`: (.*?);", _MANUAL)
    assert set(interpretations.split(", ")) == INTERPRETATIONS


def test_limits() -> None:
    assert f"At most {MAX_ENTRIES:,} entries, of {MAX_WORD_CHARS} characters and {MAX_TOKENS} words" in _MANUAL
    assert f"At most {MAX_PHONEMES} phonemes" in _MANUAL
    assert f"the volume is at most {MAX_VOLUME:g}" in _MANUAL
