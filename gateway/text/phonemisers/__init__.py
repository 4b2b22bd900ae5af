"""The G2Ps of every language, one module per way of getting at phonemes; ``g2p_for`` finds that of a language.

- ``espeak_language``: Spanish, French, Hindi, Italian, Portuguese, as misaki's ``EspeakG2P`` says them;
- ``japanese``: OpenJTalk's words and readings, in the symbols of misaki's ``cutlet``;
- ``chinese``: jieba's words, pypinyin's readings, in the symbols of misaki's ``ZHG2P``;
- ``mixed``: any of these and English over texts in which scripts are mixed.

A language is loaded when a process is first asked for it: nothing here is imported by the gateway itself.
"""

from __future__ import annotations

import functools
import importlib
import warnings

from gateway.text.g2p import G2P
from gateway.text.languages import Language

PRELOADED = "gateway.text.preloaded"
"""Holds English, which every process of the pool shares with the fork server."""


@functools.cache
def g2p_for(language: Language) -> G2P:
    """The ``G2P`` of ``language`` in this process, loaded on the first call: up to seconds.

    Raises ModuleNotFoundError where the packages of its extra are missing, which ``languages.require`` tells before.
    """
    from gateway.text.phonemisers.mixed import MixedG2P

    return MixedG2P(language, pure_g2p_for)


@functools.cache
def pure_g2p_for(language: Language) -> G2P:
    """The ``G2P`` of ``language`` for texts in its own scripts."""
    if language in {Language.EN_US, Language.EN_GB}:
        english: dict[Language, G2P] = importlib.import_module(PRELOADED).G2PS
        return english[language]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what their authors should change, not we: deprecated ways to open a file ...
        return _load(language)


def _load(language: Language) -> G2P:
    if language is Language.JA:
        from gateway.text.phonemisers.japanese import JapaneseG2P

        return JapaneseG2P()
    if language is Language.ZH:
        from gateway.text.phonemisers.chinese import ChineseG2P

        return ChineseG2P()
    from gateway.text.phonemisers.espeak_language import EspeakLanguageG2P

    return EspeakLanguageG2P(language)
