from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.text import languages, scripts
from gateway.text.errors import UnknownLanguage, UnspeakableCharacters
from gateway.text.languages import BY_LETTER, EXTRAS, Language, choose_language, is_installed
from gateway.text.scripts import refuse_unspeakable
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


@pytest.mark.parametrize(("letter", "code"), list(zip("efhijpz", "es fr-fr hi it ja pt-br zh".split(), strict=True)))
def test_every_language_by_letter_code_and_voice(letter: str, code: str) -> None:
    chosen = {choose_language("af_heart", letter), choose_language("af_heart", code), choose_language(f"{letter}f_x")}

    assert chosen == {Language(code)}


@pytest.mark.parametrize(
    ("voice", "lang_code", "default_code", "language"),
    [
        ("my_own_voice", None, "e", Language.ES),
        ("my_own_voice", "i", "e", Language.IT),
        ("ff_siwis", None, "e", Language.ES),
        ("ff_siwis", "i", "e", Language.IT),
        ("", None, "EN-GB", Language.EN_GB),
    ],
)
def test_default(voice: str, lang_code: str | None, default_code: str, language: Language) -> None:
    assert choose_language(voice, lang_code, default_code) is language


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A gateway without the extras."""
    monkeypatch.setattr(languages, "_PACKAGES", dict.fromkeys(EXTRAS, ("no_such_package",)))
    for cached in (is_installed, scripts._unspeakable):
        cached.cache_clear()
    yield
    for cached in (is_installed, scripts._unspeakable):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("voice", "lang_code", "extra", "param"),
    [("jf_alpha", None, "ja", "voice"), ("zm_yunxi", None, "zh", "voice"), ("af_heart", "z", "zh", "lang_code")],
)
def test_a_missing_extra_is_named(
    nothing_installed: None, voice: str, lang_code: str | None, extra: str, param: str
) -> None:
    with pytest.raises(UnsupportedLanguage, match=rf"kokoro-fleet\[{extra}\].*lang_code to 'a'") as raised:
        choose_language(voice, lang_code)

    assert (raised.value.code, raised.value.param) == ("unsupported_language", param)


@pytest.mark.parametrize(("letters", "extra"), [("漢字", "zh"), ("かな", "ja"), ("カナ", "ja")])
def test_letters_of_a_missing_extra_are_refused_in_other_languages(
    nothing_installed: None, letters: str, extra: str
) -> None:
    for language in (Language.EN_US, Language.ES, Language.HI):
        with pytest.raises(UnspeakableCharacters, match=rf"kokoro-fleet\[{extra}\]") as raised:
            refuse_unspeakable(f"one {letters} two", language)
        assert raised.value.char_start == 4


def test_letters_that_nobody_reads_are_refused_in_every_language() -> None:
    for language in Language:
        with pytest.raises(UnspeakableCharacters, match="no reading"):
            refuse_unspeakable("ᚠᚢᚦ", language)


@pytest.mark.parametrize(("voice", "lang_code"), [("af_heart", "xx"), ("af_heart", ""), ("robot", None), ("", None)])
def test_unknown_language(voice: str, lang_code: str | None) -> None:
    with pytest.raises(UnknownLanguage) as raised:
        choose_language(voice, lang_code)

    assert isinstance(raised.value, BadRequest)
    assert raised.value.code == "unknown_language"


def test_every_voice_of_the_catalogue_has_a_language() -> None:
    assert {voice[0] for voice in CATALOGUE} == set(BY_LETTER)
