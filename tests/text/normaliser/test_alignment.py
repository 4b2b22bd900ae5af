"""Words know what they were made of; any text at all keeps its order and its length."""

from __future__ import annotations

import sys

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.text.aligned import OBJECT, AlignedText, Said
from gateway.text.cleaning import clean
from gateway.text.languages import Language
from gateway.text.normaliser import normalise
from gateway.text.normalization import DEFAULTS, NormalizationOptions
from tests.text.normaliser.checks import check_alignment, spoken, words_with_slices
from tests.text.normaliser.test_linear import UNITS

_TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from([*UNITS, " ", "km", "Mr.", "Main St.", "°C", "=", "½", "I", "'", "]", ")"]), max_size=40
    ).map("".join),
    st.from_regex(r"[0-9.,:/\-' $%a-dA-Dx+^=]{0,40}", fullmatch=True),
)
_OPTIONS = st.builds(NormalizationOptions, *[st.booleans()] * 10)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (
            "at 40–60 °C now",
            [
                ("at", "at"),
                ("forty", "40"),
                ("to", "–"),
                ("sixty", "60"),
                ("degrees", "°C"),
                ("Celsius", "°C"),
                ("now", "now"),
            ],
        ),
        ("run 5km", [("run", "run"), ("five", "5"), ("kilometers", "km")]),
        (
            "$3.5M, ok",
            [
                ("three", "$3.5M"),
                ("point", "$3.5M"),
                ("five", "$3.5M"),
                ("million", "$3.5M"),
                ("dollars,", "$3.5M,"),
                ("ok", "ok"),
            ],
        ),
        ("Henry VIII!", [("Henry", "Henry"), ("the", "VIII"), ("eighth!", "VIII!")]),
        ("March 15, 2024", [("March", "March"), ("fifteenth,", "15,"), ("twenty", "2024"), ("twenty-four", "2024")]),
        ("a **bold** [link](http://x.org) x", [("a", "a"), ("bold", "bold"), ("link", "link"), ("x", "x")]),
        ("see `a_b` & c", [("see", "see"), ("a", "a_b"), ("B", "a_b"), ("and", "&"), ("c", "c")]),
        ("Main St. is", [("Main", "Main"), ("Street", "St."), ("is", "is")]),
    ],
)
def test_every_word_points_at_what_it_was_made_of(before: str, words: list[tuple[str, str]]) -> None:
    found = [(word, slice_.strip()) for word, slice_ in words_with_slices(before)]
    assert [(word, slice_) for word, slice_ in found if word.strip(",!")] == words


def test_offsets_count_from_the_input() -> None:
    after = normalise(clean(AlignedText.of("5 km", offset=100)), Language.EN_US, DEFAULTS)

    assert after.text == "five kilometers"
    assert after.span(0, 4) == (100, 101)
    assert after.span(5, len(after.text)) == (102, 104)


def test_paragraphs_stay_apart() -> None:
    assert spoken("One 1.\n\nTwo 2.") == "One one.\n\nTwo two."


@pytest.mark.parametrize(
    "around", ["{} 5 km", "$3{}", "**{}**", "5 {} km", "`{}`", "[{}](http://a.b)", "[a](http://{}.b)", "{}-5"]
)
def test_objects_stay(around: str) -> None:
    before, after = around.split("{}")
    start = len(before)
    text = AlignedText.join(
        [
            AlignedText.of(before),
            AlignedText.of("it", start).as_object(Said("it", phonemes="ɪt")),
            AlignedText.of(after, start + 2),
        ]
    )
    normal = normalise(clean(text), Language.EN_US, DEFAULTS)

    assert normal.text.count(OBJECT) == 1
    place = normal.text.index(OBJECT)
    assert normal.span(place, place + 1) == (start, start + 2)
    said = normal.said_at(place)
    assert said is not None
    assert said.text == "it"


@settings(max_examples=300, deadline=None)
@given(before=_TEXTS, options=_OPTIONS, language=st.sampled_from([Language.EN_US, Language.EN_GB]))
def test_any_text_stays_aligned(before: str, options: NormalizationOptions, language: Language) -> None:
    after = normalise(clean(AlignedText.of(before)), language, options)
    assert len(after.text) == len(after.starts) == len(after.ends)
    assert list(after.starts) == sorted(after.starts)
    assert list(after.ends) == sorted(after.ends)
    if after.text:
        assert after.starts[0] >= 0
        assert after.ends[-1] <= len(before)


@pytest.mark.parametrize("language", Language)
def test_numerals_of_all_scripts(language: Language) -> None:
    """Of which the tables of ``regex`` know more than Python's own."""
    before = " ".join(regex.findall(r"\p{N}", "".join(map(chr, range(sys.maxunicode + 1)))))
    after = normalise(clean(AlignedText.of(before)), language, DEFAULTS)
    assert list(after.starts) == sorted(after.starts)


@settings(max_examples=300, deadline=None)
@given(before=_TEXTS)
@example(before="http://¡")
@example(before="ftp://½/² a@b.c/⅝ /usr/²/² C:\\¡ #½ ~/ⅷ")
def test_no_digit_is_lost(before: str) -> None:
    """Of a text without Markdown every letter and digit is said."""
    options = NormalizationOptions(markdown_normalization=False)
    text = clean(AlignedText.of(before))
    after = normalise(text, Language.EN_US, options)
    check_alignment(before, after)
    assert not any(char.isdecimal() for char in after.text)
    said = [False] * (len(before) + 1)
    for char, start, end in zip(after.text, after.starts, after.ends, strict=True):
        if char.isalnum():
            said[start:end] = [True] * (end - start)
    for char, start in zip(text.text, text.starts, strict=True):
        assert said[start] or not char.isalnum(), (before, after.text, char)
