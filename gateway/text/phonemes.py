"""Phonemes that people and other tools write, in the symbols of ``shared.vocabulary``."""

from __future__ import annotations

import functools
import re
import unicodedata

from shared.vocabulary import SYMBOL_IDS, UnknownSymbol, is_audible

MAX_PHONEMES = 510
"""As many as the model takes at a time: a word is never longer than a chunk."""


NEAREST_SOUNDS: dict[str, str] = (
    {"g": "ɡ", "ɫ": "l", "ɭ": "l", "ʉ": "u", "ʀ": "ʁ", "ʑ": "ʒ", "ʐ": "ʒ", "ɬ": "l", "ħ": "h", "ɦ": "h", "ʕ": "ʔ"}
    | {"ɓ": "b", "ɗ": "d", "ʏ": "y", "ɵ": "ə", "ɘ": "ə", "ɞ": "ɜ", "ɶ": "œ", "ʍ": "w", "ʙ": "b", "ɱ": "m", "ᵑ": "ŋ"}
    | {"ⁿ": "n", "ᵐ": "m", "ʱ": "ʰ"}
)
"""Sounds that the vocabulary lacks, as espeak-ng uses them in words of other languages, by its nearest symbol."""

_SPELLINGS = str.maketrans(NEAREST_SOUNDS | {"ɝ": "ɜɹ", "'": "ˈ", "\u2019": "ˈ", "\u02bc": "ˈ"})

_DIGRAPHS = dict(zip("eɪ aɪ ɔɪ oʊ əʊ aʊ tʃ dʒ tɕ dʑ ts dz".split(), "AIYOQWʧʤʨʥʦʣ", strict=True))
"""What the model knows as one symbol: misaki writes these so in every language that espeak-ng reads for it, and the
model has heard nothing else (misaki 0.9.4, ``espeak.py``)."""

_ALWAYS_ONE = frozenset(_DIGRAPHS) - {"ts", "dz"}
"""Those are two sounds in "cats" and "adds" unless a tie bar says otherwise."""

_TIE = "[\u0361\u035c^]"
_DIGRAPH = re.compile("|".join(f"{sounds[0]}{_TIE}?{sounds[1]}" for sounds in _DIGRAPHS))
_IGNORED = re.compile(f"{_TIE}|\u032f|(?<=[^\\s.])\\.(?=[^\\s.])")
"""Ties that are left, the mark of a sound that makes no syllable, and the full stop between two syllables."""

_SYLLABIC = re.compile(r"(\S)\u0329")

_VOWEL = "AIOQWYaeiouyæɐɑɒɔəɚɛɜɤɨɪɯøœʊʌᵊᵻ"
_EARLY_STRESS = re.compile(f"([ˈˌ])([^\\sˈˌ{_VOWEL}]++)(?=[{_VOWEL}])")
"""Dictionaries put the mark before the syllable, misaki and espeak-ng right before its vowel."""


_WRITTEN = (
    SYMBOL_IDS.keys()
    | NEAREST_SOUNDS.keys()
    | {"ɝ", "'", "\u2019", "\u02bc", "\u0361", "\u035c", "^", "\u032f", "\u0329"}
)
"""All that may be written for phonemes."""


class UnsayablePhonemes(ValueError):
    """``index`` is the place of the fault in what was written."""

    def __init__(self, message: str, index: int = 0) -> None:
        super().__init__(message, index)
        self.message = message
        self.index = index

    def __str__(self) -> str:
        return self.message


@functools.lru_cache(maxsize=4096)
def told_phonemes(ipa: str) -> str:
    """How a caller says that a word is said, in the vocabulary's symbols: 1 to MAX_PHONEMES, one of them a sound.

    Raises UnsayablePhonemes.
    """
    try:
        phonemes = to_vocabulary(ipa)
    except UnknownSymbol as error:
        name = unicodedata.name(error.symbol, "no character")
        message = f"{error.symbol!r} (U+{ord(error.symbol):04X}, {name}) is no phoneme that the model knows"
        raise UnsayablePhonemes(message, error.index) from None
    if not is_audible(phonemes):
        raise UnsayablePhonemes("there is no sound in these phonemes")
    if len(phonemes) > MAX_PHONEMES:
        raise UnsayablePhonemes(f"a pronunciation has at most {MAX_PHONEMES} phonemes, this has {len(phonemes)}")
    return phonemes


def in_english(phonemes: str) -> str:
    """Phonemes of an English word as misaki writes them: dictionaries use the sign of a trill for r."""
    return phonemes.replace("r", "ɹ").replace("ɚ", "əɹ")


def to_vocabulary(ipa: str) -> str:
    """``ipa`` in the vocabulary's symbols; misaki's phonemes stay as they are.

    Slashes or square brackets around it are no part of it. Raises UnknownSymbol for the first symbol that has no
    counterpart, with its index in ``ipa``.
    """
    symbols = "".join(_known(symbol, ipa) for symbol in unicodedata.normalize("NFC", _without_delimiters(ipa)))
    sounds = _IGNORED.sub("", _DIGRAPH.sub(_one_symbol, symbols.translate(_SPELLINGS)))
    stressed = _EARLY_STRESS.sub(r"\2\1", _SYLLABIC.sub(r"ᵊ\1", sounds))
    return " ".join(stressed.split())


def _without_delimiters(ipa: str) -> str:
    stripped = ipa.strip()
    delimited = len(stripped) > 1 and stripped[0] + stripped[-1] in {"//", "[]"}
    return stripped[1:-1] if delimited else stripped


def _known(symbol: str, ipa: str) -> str:
    """The symbol, or its letter and marks one by one: "ã" is two symbols of the vocabulary."""
    if symbol in _WRITTEN or symbol.isspace():
        return symbol
    decomposed = unicodedata.normalize("NFD", symbol)
    if decomposed == symbol or not _WRITTEN.issuperset(decomposed):
        raise UnknownSymbol(symbol, max(0, ipa.find(symbol)))
    return decomposed


def _one_symbol(digraph: re.Match[str]) -> str:
    written = digraph.group()
    sounds = written[0] + written[-1]
    return _DIGRAPHS[sounds] if len(written) > 2 or sounds in _ALWAYS_ONE else written
