"""Kokoro-82M's phoneme vocabulary: 114 symbols, one character each, and the ids that the model's embedding knows.

Source: ``vocab`` in ``config.json`` of hexgrad/Kokoro-82M. The ids have gaps, and the table has 178 rows. Id 0 is the
boundary that engines put around a chunk; it has no symbol and never appears in a chunk's token ids.
"""

from __future__ import annotations

# fmt: off
SYMBOL_IDS: dict[str, int] = {
    # Punctuation and the space between words: the model speaks them as pauses and intonation.
    ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, "…": 10, '"': 11, "(": 12, ")": 13, "“": 14, "”": 15,
    " ": 16,
    # Nasalisation (combining tilde), affricates as one symbol, and Japanese compressed sounds.
    "\N{COMBINING TILDE}": 17, "ʣ": 18, "ʥ": 19, "ʦ": 20, "ʨ": 21, "ᵝ": 22, "ꭧ": 23,
    # Misaki's capitals: diphthongs (A I O Q W Y), the American flap (T), the Italian long s (S).
    "A": 24, "I": 25, "O": 31, "Q": 33, "S": 35, "T": 36, "W": 39, "Y": 41,
    # IPA that looks like ASCII.
    "ᵊ": 42, "a": 43, "b": 44, "c": 45, "d": 46, "e": 47, "f": 48, "h": 50, "i": 51, "j": 52, "k": 53, "l": 54,
    "m": 55, "n": 56, "o": 57, "p": 58, "q": 59, "r": 60, "s": 61, "t": 62, "u": 63, "v": 64, "w": 65, "x": 66,
    "y": 67, "z": 68,
    # The rest of IPA.
    "ɑ": 69, "ɐ": 70, "ɒ": 71, "æ": 72, "β": 75, "ɔ": 76, "ɕ": 77, "ç": 78, "ɖ": 80, "ð": 81, "ʤ": 82, "ə": 83,
    "ɚ": 85, "ɛ": 86, "ɜ": 87, "ɟ": 90, "ɡ": 92, "ɥ": 99, "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110, "ɰ": 111,
    "ŋ": 112, "ɳ": 113, "ɲ": 114, "ɴ": 115, "ø": 116, "ɸ": 118, "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126,
    "ʁ": 128, "ɽ": 129, "ʂ": 130, "ʃ": 131, "ʈ": 132, "ʧ": 133, "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140,
    "χ": 142, "ʎ": 143, "ʒ": 147, "ʔ": 148,
    # Stress, length, aspiration, palatalisation; Mandarin tones; misaki's reduced vowel.
    "ˈ": 156, "ˌ": 157, "ː": 158, "ʰ": 162, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173, "ᵻ": 177,
}
# fmt: on

PUNCTUATION = frozenset(';:,.!?—…"()“”')
"""Symbols that are pauses rather than sounds."""

SILENT = PUNCTUATION | frozenset(" ˈˌː")
"""Symbols that are no sound by themselves: a chunk of nothing else says nothing."""


class UnknownSymbol(ValueError):
    """A phoneme that the model has no embedding for. ``index`` is its place in the phonemes."""

    def __init__(self, symbol: str, index: int) -> None:
        super().__init__(symbol, index)
        self.symbol = symbol
        self.index = index

    def __str__(self) -> str:
        return f"phoneme {self.symbol!r} at {self.index} is not in Kokoro's vocabulary"


def token_ids(phonemes: str) -> tuple[int, ...]:
    """One id per character of ``phonemes``, without the boundary zeros.

    Raises UnknownSymbol where the stock ``KModel`` would drop the character without a word.
    """
    try:
        return tuple([SYMBOL_IDS[symbol] for symbol in phonemes])
    except KeyError:
        index = next(place for place, symbol in enumerate(phonemes) if symbol not in SYMBOL_IDS)
        raise UnknownSymbol(phonemes[index], index) from None


def is_audible(phonemes: str) -> bool:
    """Whether any symbol is a sound, rather than a pause, a stress mark or a space."""
    return not SILENT.issuperset(phonemes)
