"""What other tools say of a text: espeak-ng's library without misaki or phonemizer, pypinyin, OpenJTalk's labels."""

from __future__ import annotations

import ctypes
import functools
import re

import espeakng_loader
import pyopenjtalk
import pypinyin

_SYNCHRONOUS = 2
_UTF8 = 1
_IPA = 0x02
_TIE = 0x80 | ord("^") << 8

_MISAKI = {
    "a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "s^s": "S", "t^s": "ʦ",
    "t^ʃ": "ʧ", "ɔ^ɪ": "Y", "^": "", "-": "",
}  # fmt: skip
"""Kokoro's symbols for what espeak-ng writes with two: from the table in misaki's documentation."""


@functools.cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    assert library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0) > 0
    return library


def espeak(clause: str, voice: str) -> str:
    """The phonemes of one clause by espeak-ng's own function, in Kokoro's symbols."""
    library = _library()
    assert library.espeak_SetVoiceByName({"fr-fr": "fr"}.get(voice, voice).encode()) == 0
    text, said = ctypes.c_char_p(clause.encode()), []
    while text.value:
        said.append(library.espeak_TextToPhonemes(ctypes.byref(text), _UTF8, _IPA | _TIE).decode())
    phonemes = " ".join(" ".join(said).split())
    for theirs, ours in _MISAKI.items():
        phonemes = phonemes.replace(theirs, ours)
    return phonemes


def tones(word: str) -> str:
    """The tone marks of a word's syllables, as Kokoro has them, by pypinyin."""
    syllables = pypinyin.lazy_pinyin(word, style=pypinyin.Style.TONE3, neutral_tone_with_five=True)
    return "".join({"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}[syllable[-1]] for syllable in syllables)


_ROUGHLY = {
    "sh": "ɕ", "ch": "ʨ", "ts": "ʦ", "j": "ʥ", "cl": "ʔ", "y": "j", "w": "β", "r": "ɾ", "g": "ɡ", "f": "ɸ", "N": "n",
    "v": "v",
}  # fmt: skip


def labelled(text: str) -> str:
    """A text's sounds by OpenJTalk's full-context labels, without length, palatalisation and kinds of nasals."""
    labels = pyopenjtalk.extract_fullcontext(text, use_sudachi_kanji_yomi=False, predict_nani=False)
    phonemes = [re.search(r"-(\w+)\+", label) for label in labels]
    sounds = [found[1] for found in phonemes if found and found[1] not in {"sil", "pau", "sp"}]
    plain = (sound.lower() if sound in "AIUEO" else sound for sound in sounds)
    palatal = (re.sub(r"^([kgnhbpmrd])y$", r"\1", sound) for sound in plain)
    return "".join(_ROUGHLY.get(sound, sound) for sound in palatal)


def roughly(phonemes: str) -> str:
    """Japanese phonemes of Kokoro's with the same differences dropped."""
    long = re.sub(r"([aeioɯɨ])ː", r"\1\1", phonemes)
    letters = re.sub(r"[^\w]|ʲ", "", long.translate(str.maketrans("ɯɨçɲŋɴʣ", "uuhnnnz")))
    return re.sub(r"m(?=[mpb])", "n", letters)
