"""Every option, on and off."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import NamedTuple

import pytest

from gateway.text.aligned import AlignedText
from gateway.text.languages import Language
from gateway.text.normaliser.markdown import without_code
from gateway.text.normalization import DEFAULTS, NormalizationOptions
from tests.text.normaliser.checks import spoken


class Case(NamedTuple):
    before: str
    after: str
    options: NormalizationOptions


def _both(before: str, option: str, *, on: str, off: str) -> tuple[Case, Case]:
    return (
        Case(before, on, replace(DEFAULTS, **{option: True})),
        Case(before, off, replace(DEFAULTS, **{option: False})),
    )


CASES = (
    *_both("**5** cats & 1 dog", "normalize", on="five cats and one dog", off="**5** cats & 1 dog"),
    *_both("Title\n===\n5", "normalize", on="Title\n\n\nfive", off="Title\n \n5"),
    *_both(
        "5 m and 2 g in 3 s",
        "unit_normalization",
        on="five meters and two grams in three seconds",
        off="five m and two g in three s",
    ),
    *_both(
        "5 in. and 20 C", "unit_normalization", on="five inches and twenty degrees Celsius", off="five in. and twenty C"
    ),
    *_both(
        "5 km at 20 °C",
        "unit_normalization",
        on="five kilometers at twenty degrees Celsius",
        off="five kilometers at twenty degrees Celsius",
    ),
    *_both("at 10 m/s", "unit_normalization", on="at ten meters per second", off="at ten meters per second"),
    *_both(
        "See www.kokoro.ai now", "url_normalization", on="See W.W.W dot kokoro dot ai now", off="See www.kokoro.ai now"
    ),
    *_both("https://a.org", "url_normalization", on="A. dot org", off="https://a.org"),
    *_both("Mail joe@a.org!", "email_normalization", on="Mail joe at A. dot org!", off="Mail joe at a.org!"),
    *_both("file(s)", "optional_pluralization_normalization", on="files", off="file(s)"),
    *_both("box(es)", "optional_pluralization_normalization", on="boxes", off="box(es)"),
    *_both(
        "call 555-123-4567",
        "phone_normalization",
        on="call five five five, one two three, four five six seven",
        off="call five hundred fifty-five-one hundred twenty-three-four thousand five hundred sixty-seven",
    ),
    *_both("salt & pepper", "replace_remaining_symbols", on="salt and pepper", off="salt & pepper"),
    *_both("a = b", "replace_remaining_symbols", on="a equals b", off="a = b"),
    *_both(
        "**bold** and [link](https://a.org)",
        "markdown_normalization",
        on="bold and link",
        off="  bold   and [link](A. dot org)",
    ),
    *_both("# Title\nText", "markdown_normalization", on="Title\n\nText", off="  Title\nText"),
    *_both("Run\n```sh\nls 5\n```\nnow", "read_code", on="Run\n\nls five\n\n\nnow", off="Run\n\n\nnow"),
    *_both("It is\n~~~\nx\n~~~\n`y`", "read_code", on="It is\nx\ny", off="It is\ny"),
    *_both("well done 👍🏽!", "name_emoji", on="well done thumbs up medium skin tone !", off="well done  !"),
    *_both("I ❤️ 🇺🇸🇬🇧", "name_emoji", on="I red heart United States, United Kingdom", off="I   "),
    *_both("👨‍👩‍👧 of 3", "name_emoji", on="family man woman girl of three", off="  of three"),
    *_both("1️⃣ ok", "name_emoji", on="one ok", off="one ok"),
)


@pytest.mark.parametrize("case", CASES)
def test_case(case: Case) -> None:
    assert spoken(case.before, Language.EN_US, case.options, drops=True).split() == case.after.split()


def test_every_option_is_tested_on_and_off() -> None:
    for option in fields(NormalizationOptions):
        values = {getattr(case.options, option.name) for case in CASES}
        assert values == {True, False}, option.name


def test_emoji_in_another_language() -> None:
    assert "corazón rojo" in spoken("te ❤️", Language.ES, NormalizationOptions(name_emoji=True), drops=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\n```py\nx\n```\nb", "a\n\n\nb"),
        ("a\n~~~\nx\n\n# y\n~~~\nb ```c``` d", "a\n\n\nb ```c``` d"),
        ("a\n```\nunclosed", "a\n\n"),
        ("none", "none"),
    ],
)
def test_code_is_left_out_of_a_whole_text(before: str, after: str) -> None:
    text = without_code(AlignedText.of(before))
    assert text.text == after
    assert text.span(0, 1) == (0, 1)
