"""Ordinary text, which is to stay as it is."""

from __future__ import annotations

import pytest

from gateway.text.languages import Language
from tests.text.normaliser.checks import spoken

UNCHANGED = (
    "",
    " ",
    "Hello, world!",
    "I am what I am, and I said so. I think I can.",
    "She didn't know he'd've come; they're all y'all's friends.",
    "“Who's there?” he asked—quietly. ‘Nobody,’ said I.",
    "A well-known, state-of-the-art, mother-in-law's recipe.",
    "Dr. Smith, Mr. and Mrs. Jones, Ms. Lee and St. John went home.",
    "The U.S. Army and the U.K. agreed at the U.N. in Washington, D.C.",
    "J. R. R. Tolkien and T. S. Eliot, Ph.D., met E. M. Forster.",
    "NASA, NATO, the FBI, HTML, PDFs and CEOs are ALL CAPS HERE.",
    "Wait… what? No... really?! Yes!!!",
    "May I march in May? March on! The sun sat down on Monday.",
    "Mark, Will, Bill and Rob may see no art in it.",
    "It is so. No. It is not. In. Out. By and by.",
    "Vitamin C, plan B, Type A, X-ray, T-shirt, e-mail, Wi-Fi.",
    "The mix of DVD and CD did it. XXX. MIX. LIVID.",
    "He got an A in French, and a B in maths.",
    "first, second and third; one half; twenty-five percent",
    "the nineties, the nineteen eighties, the 'Roaring Twenties'",
    "to be, or not to be: that is the question",
    "naïve café résumé Zoë Ångström über façade",
    "Μουσική and Москва",
    "(parenthetical) [bracketed] words",
    "Line one\nline two\n\nParagraph two",
    "rock 'n' roll, fish 'n' chips, o'clock, ne'er-do-well",
    "The cat sat. The dog ran. The end.",
    "Fig trees, sec champagne, apt words, pp and vol.",
    "Max said min and max; Temp agency; Ex libris; Miss. River",
    "I, Claudius. I. Newton.",
    "Section A, Part One, Chapter Two, World War Two",
    "ever after, so be it, do not go, at me, in us",
    "End.Start of nothing",
    "Prof said so; the general, the captain and the rev.",
    "this – that",
    "Sun, moon and Sat. Wed her.",
    "He said: yes; no, maybe.",
)


@pytest.mark.parametrize("text", UNCHANGED)
@pytest.mark.parametrize("language", [Language.EN_US, Language.EN_GB])
def test_unchanged(text: str, language: Language) -> None:
    assert spoken(text, language) == text
