"""No input takes more than linear time, whatever it is made of. Processor time: a busy machine fails nothing."""

from __future__ import annotations

import random
import time

import pytest

from gateway.text.aligned import AlignedText
from gateway.text.cleaning import clean
from gateway.text.languages import Language
from gateway.text.normaliser import normalise
from gateway.text.normalization import NormalizationOptions

CHARS = 40_000
"""Ten sections' worth: what took quadratic time in this would take minutes."""

LIMIT_S = 2.0
_ALL = NormalizationOptions(unit_normalization=True, read_code=False, name_emoji=True)

UNITS = (
    "1", "0", ".", ",", "/", " ", "-", "_", "*", "#", "`", "~", ":", "[", "(", "<", "|", ">", "=", "+", "@", "$", "%",
    "\\", "'", '"', "’", "I", "X", "a", "A", "é", "½", "²", "°", "😀", "\n", "\t", "\u00a0", "a@", "1-", "1,", "1.",
    "1/", "1:", "1 ", "1'", "a.", "a/", "a_", "a-", "A.", "I ", "- ", "* ", "# ", "> ", "| ", "1x", "http://", "www.",
    "[a](", "[[", "![", "](", "**a", "__a", "```\n", "~~~", "\n- ", "\n# ", "\n|", "\n> ", "|-|", "<b ", "<!--", "$1",
    "1°", "1'1", "+1 ", "(1", "1)", "@a", "#a", "#1", "--", "- -", "Mr. ", "No. ", "1e", "1e1", "v1.", "a1", "1a",
    "St. ", " St", "May 1 ", "May ", "1 May", "XIV ", "Henry I ", "Part I and ", "1,000", "10 000 ", "5 km ",
    "1 km/h", "a.com/", "a@b.c", "C:\\", "/a", "./", "1:00", "12:", "pm ", "1 pm", "x.py", ".py", "0-", "555-",
    "1-2 ", "1 - ", "a - ",
)  # fmt: skip


def _seconds(text: str) -> float:
    started = time.process_time()
    normalise(clean(AlignedText.of(text)), Language.EN_US, _ALL)
    return time.process_time() - started


@pytest.mark.parametrize("unit", UNITS)
def test_one_thing_over_and_over(unit: str) -> None:
    assert _seconds((unit * (CHARS // len(unit) + 1))[:CHARS]) < LIMIT_S


@pytest.mark.parametrize("seed", range(3))
def test_all_of_them_mixed(seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 - a text, not a secret
    text = "".join(source.choices(UNITS, k=CHARS))[:CHARS]

    assert _seconds(text) < LIMIT_S


@pytest.mark.parametrize("unit", [",", " ", "[", "(", "`", "-", "a"])
def test_a_megabyte(unit: str) -> None:
    assert _seconds(unit * 1_000_000) < 2 * LIMIT_S
