from __future__ import annotations

import pytest

from gateway.text.phonemes import UnsayablePhonemes, in_english, told_phonemes
from shared.vocabulary import SYMBOL_IDS, token_ids


@pytest.mark.parametrize(
    ("written", "told"),
    [
        # misaki's own stay as they are
        ("kˈOkəɹO", "kˈOkəɹO"),
        ("hˌaʊ ɑɹ ju?", "hˌW ɑɹ ju?"),
        ("stɹˈitkˌɑɹ", "stɹˈitkˌɑɹ"),
        # delimiters, spaces
        ("/kæt/", "kæt"),
        ("[kæt]", "kæt"),
        (" kæt\n  kæt ", "kæt kæt"),
        # what the model knows as one symbol
        ("təmeɪtoʊ", "təmAtO"),
        ("baɪ bɔɪ baʊ nəʊ", "bI bY bW nQ"),
        ("tʃɪn t͡ʃɪn dʒɪn d͜ʒɪn t^ʃɪn", "ʧɪn ʧɪn ʤɪn ʤɪn ʧɪn"),
        ("kæts ʦaɪt t͡saɪt", "kæts ʦIt ʦIt"),
        ("a͡b aɪ̯", "ab I"),
        # stress before the vowel, as misaki writes it; syllables are not marked
        ("təˈmeɪ.toʊ", "təmˈAtO"),
        ("ˌɪn.təˈnæʃ.nəl", "ˌɪntənˈæʃnəl"),
        ("ˈstriːt", "strˈiːt"),
        ("kə'rekt", "kərˈekt"),
        ("ˈpst", "ˈpst"),
        # nearest symbols
        ("gɫɜd", "ɡlɜd"),
        ("bɝd bʌtn̩", "bɜɹd bʌtᵊn"),
        ("bõ bɔ̃", "bo\u0303 bɔ\u0303"),
        ("fac\u0327a", "faça"),
        # pauses
        ("a, b. c...", "a, b. c..."),
    ],
)
def test_told(written: str, told: str) -> None:
    assert told_phonemes(written) == told
    token_ids(told)


def test_every_symbol_of_the_vocabulary_may_be_written() -> None:
    for symbol in SYMBOL_IDS:
        assert symbol in told_phonemes(f"æ {symbol} æ") or symbol == " "


@pytest.mark.parametrize(
    ("written", "index", "message"),
    [
        ("kæ€t", 2, "'€' (U+20AC, EURO SIGN) is no phoneme that the model knows"),
        ("/aː˥/", 3, "'˥' (U+02E5, MODIFIER LETTER EXTRA-HIGH TONE BAR) is no phoneme that the model knows"),
        ("a/b", 1, "'/' (U+002F, SOLIDUS) is no phoneme"),
        ("a\ud800", 1, "(U+D800, no character) is no phoneme"),
        ("", 0, "there is no sound in these phonemes"),
        ("ˈ ...", 0, "there is no sound in these phonemes"),
        ("æ" * 511, 0, "a pronunciation has at most 510 phonemes, this has 511"),
    ],
)
def test_refused(written: str, index: int, message: str) -> None:
    with pytest.raises(UnsayablePhonemes) as refused:
        told_phonemes(written)

    assert message in str(refused.value)
    assert refused.value.index == index


def test_the_longest() -> None:
    assert len(told_phonemes("æ" * 510)) == 510


def test_in_english() -> None:
    assert in_english(told_phonemes("ˈmɪrɚ")) == "mˈɪɹəɹ"
