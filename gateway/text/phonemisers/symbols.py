"""Phonemes and punctuation of any language in the symbols that the model knows."""

from __future__ import annotations

import functools
import unicodedata

from gateway.text.phonemes import NEAREST_SOUNDS
from shared.vocabulary import SYMBOL_IDS

_NEAREST = str.maketrans(
    NEAREST_SOUNDS
    | {unicodedata.normalize("NFC", vowel + "\N{COMBINING TILDE}"): vowel + "\N{COMBINING TILDE}" for vowel in "aeiouy"}
)
"""Sounds without a symbol by the nearest one that has; composed nasal vowels in two parts."""

PUNCTUATION: dict[str, str] = {
    **{mark: mark for mark in ';:,.!?—…"()“”'},
    **dict.fromkeys("、，､،", ","),
    **dict.fromkeys("。．｡।॥۔", "."),
    **dict.fromkeys("！", "!"),
    **dict.fromkeys("？؟", "?"),
    **dict.fromkeys("：", ":"),
    **dict.fromkeys("；؛", ";"),
    **dict.fromkeys("（［｛【〔[{", "("),
    **dict.fromkeys("）］｝】〕]}", ")"),
    **dict.fromkeys("「『｢《〈«‹„‟〝", "“"),
    **dict.fromkeys("」』｣》〉»›〞〟", "”"),
    **dict.fromkeys("–―‒─〜～~", "—"),
    **dict.fromkeys("⋯‥", "…"),
}
"""Marks that are heard as pauses or intonation, by the model's symbols."""

OPENERS = frozenset("(“")
CLOSERS = frozenset(")”")
PAUSES = frozenset(";:,.!?—…")


@functools.lru_cache(maxsize=50_000)
def in_vocabulary(phonemes: str) -> str | None:
    """``phonemes`` in the vocabulary's symbols, without diacritics that it lacks; None if a sound has no symbol."""
    nearest = phonemes.translate(_NEAREST)
    unknown = {symbol for symbol in nearest if symbol not in SYMBOL_IDS}
    if any(unicodedata.category(symbol) in {"Ll", "Lu", "Lo"} for symbol in unknown):
        return None
    return "".join(symbol for symbol in nearest if symbol not in unknown).strip()
