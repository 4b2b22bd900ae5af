from __future__ import annotations

import pytest

from gateway.text.errors import UnknownLanguage
from gateway.text.languages import BY_LETTER, Language, choose_language
from shared.errors import BadRequest, UnsupportedLanguage
from shared.voices import CATALOGUE


@pytest.mark.parametrize(
    ("voice", "lang_code", "language"),
    [
        ("af_heart", None, Language.EN_US),
        ("am_adam", None, Language.EN_US),
        ("bf_emma", None, Language.EN_GB),
        ("bm_george", None, Language.EN_GB),
        ("af_heart", "b", Language.EN_GB),
        ("af_heart", "en-gb", Language.EN_GB),
        ("zf_xiaobei", "a", Language.EN_US),
        ("my_own_voice", "EN_US", Language.EN_US),
    ],
)
def test_language(voice: str, lang_code: str | None, language: Language) -> None:
    assert choose_language(voice, lang_code) is language


@pytest.mark.parametrize("lang_code", [*"efhijpz", "es", "fr-fr", "hi", "it", "pt-br", "ja", "zh"])
def test_known_languages_are_not_available_yet(lang_code: str) -> None:
    with pytest.raises(UnsupportedLanguage, match="not available yet") as raised:
        choose_language("af_heart", lang_code)

    assert (raised.value.code, raised.value.param) == ("unsupported_language", "lang_code")


def test_voice_of_another_language_names_the_way_out() -> None:
    with pytest.raises(UnsupportedLanguage, match=r"Japanese \(ja\).*lang_code to 'a'") as raised:
        choose_language("jf_alpha")

    assert raised.value.param == "voice"


@pytest.mark.parametrize(("voice", "lang_code"), [("af_heart", "xx"), ("af_heart", ""), ("robot", None), ("", None)])
def test_unknown_language(voice: str, lang_code: str | None) -> None:
    with pytest.raises(UnknownLanguage) as raised:
        choose_language(voice, lang_code)

    assert isinstance(raised.value, BadRequest)
    assert raised.value.code == "unknown_language"


def test_every_voice_of_the_catalogue_has_a_language() -> None:
    assert {voice[0] for voice in CATALOGUE} == set(BY_LETTER)
