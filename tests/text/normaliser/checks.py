"""What every test of the normaliser checks besides the words: that each of them points at what it was made of."""

from __future__ import annotations

import itertools

from gateway.text.aligned import AlignedText
from gateway.text.cleaning import clean
from gateway.text.languages import Language
from gateway.text.normaliser import normalise
from gateway.text.normalization import DEFAULTS, NormalizationOptions


def spoken(
    before: str,
    language: Language = Language.EN_US,
    options: NormalizationOptions = DEFAULTS,
    *,
    drops: bool = False,
) -> str:
    """``before`` in words. ``drops``: some of its words are left out, as an option or Markdown asks."""
    after = normalise(clean(AlignedText.of(before)), language, options)
    check_alignment(before, after)
    if not drops:
        check_nothing_lost(before, after)
    return after.text


def check_alignment(before: str, after: AlignedText) -> None:
    """Spans lie inside the input and in order, and a word is at itself or is all of what it was made of."""
    assert len(after.text) == len(after.starts) == len(after.ends)
    assert all(0 <= start < end <= len(before) for start, end in zip(after.starts, after.ends, strict=True))
    for side in (after.starts, after.ends):
        assert all(left <= right for left, right in itertools.pairwise(side)), after
    for span, run in itertools.groupby(
        zip(after.starts, after.ends, after.text, strict=True), key=lambda item: item[:2]
    ):
        words, slice_ = "".join(char for *_, char in run), before[slice(*span)]
        if len(words) == 1 and slice_.isascii() and slice_.isalnum():
            assert words == slice_, (after.text, words, slice_)


def check_nothing_lost(before: str, after: AlignedText) -> None:
    """Every letter and digit of the input is inside the span of something that is said."""
    said = set[int]()
    for char, start, end in zip(after.text, after.starts, after.ends, strict=True):
        if char.isalnum():
            said.update(range(start, end))
    lost = [char for place, char in enumerate(before) if char.isalnum() and place not in said]
    assert not lost, f"{lost} of {before!r} in {after.text!r}"


def words_with_slices(before: str, language: Language = Language.EN_US) -> list[tuple[str, str]]:
    """Each stretch of equal spans, or of unchanged text, with the slice of the input that it stands for, by words."""
    after = normalise(clean(AlignedText.of(before)), language, DEFAULTS)
    found: list[tuple[str, str]] = []
    place = 0
    for word in after.text.split():
        start = after.text.index(word, place)
        place = start + len(word)
        char_start, char_end = after.span(start, place)
        found.append((word, before[char_start:char_end]))
    return found
