"""Every language's G2P: the right sounds by independent tools, every word at its place, nothing dropped."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from misaki.espeak import EspeakG2P

from gateway.text.aligned import OBJECT, AlignedText, Said
from gateway.text.chunker import ChunkLimits
from gateway.text.cleaning import clean, on_one_line
from gateway.text.core import chunk_text
from gateway.text.errors import TextRefused, UnspeakableCharacters, UnsupportedReading
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from gateway.text.phonemisers.espeak_language import shared_out
from gateway.text.scripts import refuse_unspeakable
from gateway.text.spoken import Break, Word
from shared.vocabulary import PUNCTUATION, SYMBOL_IDS, token_ids
from tests.text.languages import independent
from tests.text.languages.sentences import SENTENCES

# OpenJTalk asks Sudachi about characters that it does not know, in a way that Sudachi calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Dictionary.create:DeprecationWarning")

G2POf = Callable[[Language], G2P]

ESPEAK = (Language.ES, Language.FR, Language.HI, Language.IT, Language.PT_BR)
OTHERS = tuple(SENTENCES)
ALL = [(language, sentence) for language in OTHERS for sentence in SENTENCES[language]]
NO_STOPS = {
    Language.ES: "casa perro árbol cielo ventana jueves camino flor ",
    Language.HI: "घर पेड़ आसमान खिड़की रास्ता फूल नदी पहाड़ ",
    Language.JA: "山川海空花鳥風月学校先生友達電車時間世界",
    Language.ZH: "我们今天去北京大学参加一个非常重要的会议大家都很高兴",
}


def words_of(text: str, g2p: G2P) -> tuple[Word, ...]:
    (words,) = g2p([on_one_line(clean(AlignedText.of(text)))])
    return words


def said(words: tuple[Word, ...]) -> str:
    return "".join(word.phonemes + " " * word.space_after for word in words)


@pytest.mark.parametrize("language", OTHERS)
def test_there_are_enough_sentences(language: Language) -> None:
    assert len(SENTENCES[language]) >= 12


@pytest.mark.parametrize(("language", "sentence"), ALL)
def test_every_letter_is_in_a_word_and_every_word_at_its_place(
    language: Language, sentence: str, g2p_of: G2POf
) -> None:
    words = words_of(sentence, g2p_of(language))
    spans = [(word.char_start, word.char_end) for word in words]

    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    assert [word.text for word in words] == [sentence[start:end] for start, end in spans]
    covered = {place for start, end in spans for place in range(start, end)}
    assert all(place in covered for place, char in enumerate(sentence) if char.isalnum())
    token_ids(said(words))  # raises UnknownSymbol


@pytest.mark.parametrize(("language", "sentence"), [case for case in ALL if case[0] in ESPEAK])
def test_sounds_are_espeaks_own(language: Language, sentence: str, g2p_of: G2POf) -> None:
    ours = [part.split() for part in re.split(r"[,?!:.“”]+(?= |\Z)", said(words_of(sentence, g2p_of(language))))]
    clauses = [clause for clause in re.split(r"[,?!¿¡:.।]", sentence) if clause.strip()]

    assert [part for part in ours if part] == [independent.espeak(part, language.value).split() for part in clauses]


@pytest.mark.parametrize("language", ESPEAK)
def test_sounds_are_misakis(language: Language, g2p_of: G2POf) -> None:
    misaki = EspeakG2P(language.value)
    for sentence in SENTENCES[language]:
        whole = "".join(symbol for symbol in misaki(sentence)[0] if symbol in SYMBOL_IDS).replace(" ?", "?")
        # Misaki does not know Hindi's full stop.
        assert said(words_of(sentence, g2p_of(language))).removesuffix("." * sentence.endswith("।")) == whole


@pytest.mark.parametrize("sentence", SENTENCES[Language.ZH])
def test_tones_are_pypinyins(sentence: str, g2p_of: G2POf) -> None:
    for word in words_of(sentence, g2p_of(Language.ZH)):
        if word.phonemes not in PUNCTUATION:
            assert "".join(symbol for symbol in word.phonemes if symbol in "→↗↓↘") == independent.tones(word.text)


@pytest.mark.parametrize("sentence", SENTENCES[Language.JA])
def test_sounds_are_those_of_openjtalks_labels(sentence: str, g2p_of: G2POf) -> None:
    assert independent.roughly(said(words_of(sentence, g2p_of(Language.JA)))) == independent.labelled(sentence)


@pytest.mark.parametrize(("language", "unit"), NO_STOPS.items())
def test_1200_characters_without_punctuation_keep_every_word(language: Language, unit: str, g2p_of: G2POf) -> None:
    text = (unit * (1_200 // len(unit) + 1))[:1_200].strip()
    limits = ChunkLimits()
    chunks = list(chunk_text(text, g2p_of(language), limits, language=language))
    covered = {place for chunk in chunks for word in chunk.words for place in range(word.char_start, word.char_end)}

    assert all(place in covered for place, char in enumerate(text) if not char.isspace())
    assert all(len(chunk.token_ids) <= limits.absolute_max_tokens for chunk in chunks)


@pytest.mark.parametrize("language", OTHERS)
def test_an_object_is_said_as_told(language: Language, g2p_of: G2POf) -> None:
    kind = "你好，" if language is Language.ZH else "あの、" if language is Language.JA else "o "
    kind = "यह " if language is Language.HI else kind
    told = AlignedText.of("[X](/kˈO/)").slice(1, 2).as_object(Said("X", phonemes="kˈO"))
    after = AlignedText.of(".", 10)
    (words,) = g2p_of(language)([AlignedText.join([AlignedText.of(kind[0]), told, after])])

    assert Word("kˈO", 1, 2, False, Break.NONE, "X") in words
    assert sum(word.text == "X" for word in words) == 1


@pytest.mark.parametrize("said_as", [Said("X", stress=2.0), Said("X", num_flags="a")])
@pytest.mark.parametrize("language", OTHERS)
def test_what_only_english_can_do_is_refused(language: Language, said_as: Said, g2p_of: G2POf) -> None:
    told = AlignedText.of("X", 7).as_object(said_as)

    with pytest.raises(UnsupportedReading, match="character 7") as raised:
        g2p_of(language)([told])
    assert (raised.value.char_start, raised.value.char_end) == (7, 8)


@pytest.mark.parametrize("language", OTHERS)
def test_an_object_without_phonemes_is_read(language: Language, g2p_of: G2POf) -> None:
    text = SENTENCES[language][0].split("，")[0].split()[-1].rstrip(".।。?")
    (words,) = g2p_of(language)([AlignedText.of("X").as_object(Said(text))])

    assert words
    assert {(word.char_start, word.char_end) for word in words} == {(0, 1)}


MIXED = [
    (Language.ZH, "我喜欢 Python 和 C。GPT模型 is good, yes.", "Python C GPT is good yes 模型 。 ,"),
    (Language.ZH, "日本の歌、नमस्ते。Привет!", "の नमस्ते Привет 、 !"),
    (Language.JA, "今日はHello Worldと言った。", "Hello World と 。"),
    (Language.HI, "मुझे Python programming पसंद है। 你好", "Python programming है । 你好"),
    (Language.ES, "El sushi (寿司) y こと, Москва.", "sushi 寿司 こと Москва , ."),
    (Language.EN_US, "I said 你好 to her. すし! नमस्ते, and 안녕.", "I said 你好 to her すし नमस्ते and 안녕 ! ,"),
]


@pytest.mark.parametrize(("language", "text", "spoken"), MIXED)
def test_scripts_are_mixed_without_loss(language: Language, text: str, spoken: str, g2p_of: G2POf) -> None:
    refuse_unspeakable(text, language)
    words = words_of(text, g2p_of(language))

    assert set(spoken.split()) <= {word.text for word in words}
    covered = {place for word in words for place in range(word.char_start, word.char_end)}
    assert all(place in covered for place, char in enumerate(text) if char.isalpha())


def test_a_run_of_another_script_is_said_in_its_own_language(g2p_of: G2POf) -> None:
    chinese = said(words_of("你好", g2p_of(Language.ZH)))
    hindi = said(words_of("नमस्ते", g2p_of(Language.HI)))
    english = said(words_of("Hello, world", g2p_of(Language.EN_US)))

    assert chinese in said(words_of("Ella dijo 你好.", g2p_of(Language.ES)))
    assert hindi in said(words_of("I say नमस्ते.", g2p_of(Language.EN_GB)))
    assert english in said(words_of("他说 Hello, world。", g2p_of(Language.ZH)))


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [("ﾊﾟﾝとｶﾞﾑ", "paɴ to ɡamɯ"), ("何ですか", "naɴ desɨ ka"), ("何を", "naɲi o"), ("新しい", "ataɾaɕiː")],
)
def test_japanese_that_openjtalk_alone_would_misread(text: str, phonemes: str, g2p_of: G2POf) -> None:
    assert said(words_of(text, g2p_of(Language.JA))) == phonemes


@pytest.mark.parametrize(
    ("language", "text", "spoken"),
    [(Language.ES, "3,5 km", "3,5 km"), (Language.ZH, "有3.5个", "有 3.5 个"), (Language.HI, "25 दिन", "25 दिन")],
)
def test_numbers_that_no_rule_has_read_are_read(language: Language, text: str, spoken: str, g2p_of: G2POf) -> None:
    words = words_of(text, g2p_of(language))

    assert [text[word.char_start : word.char_end] for word in words] == spoken.split()


def test_breaks(g2p_of: G2POf) -> None:
    words = words_of("La casa de mi padre, que es grande, está en el pueblo.", g2p_of(Language.ES))
    breaks = [(word.text, word.break_after) for word in words]

    assert breaks[:4] == [("La", Break.NONE), ("casa", Break.PHRASE), ("de", Break.NONE), ("mi", Break.NONE)]
    assert breaks[5] == (",", Break.CLAUSE)


def test_words_said_as_one_are_told_apart_and_stay_together(g2p_of: G2POf) -> None:
    words = words_of("Parce que c'est de l'eau.", g2p_of(Language.FR))

    assert [(word.text, word.phonemes) for word in words[:2]] == [("Parce", "paʁs"), ("que", "kˌə")]
    assert said(words) == "paʁskˌə sɛ də lˈo."


def test_several_words_for_one_stay_with_it(g2p_of: G2POf) -> None:
    words = words_of("a ochenta km/h en la www", g2p_of(Language.ES))

    assert [word.text for word in words] == ["a", "ochenta", "km/h", "en", "la", "www"]
    assert words[2].phonemes.split() == ["kˌaˈɛme", "βˈara", "ˈaʧe"]


@pytest.mark.parametrize(
    ("said_together", "alone", "shared"),
    [
        (["abc", "de"], ["abc", "de"], ["abc", "de"]),
        (["abcde"], ["abc", "de"], ["abc‿", "de"]),
        (["ab", "cd", "ef"], ["abcd", "ef"], ["ab cd", "ef"]),
        (["ˈab", "ˈcdˈef"], ["ˈab", "ˈcd", "ˈef"], ["ˈab", "ˈcd‿", "ˈef"]),
    ],
)
def test_words_said_as_one_are_told_apart(said_together: list[str], alone: list[str], shared: list[str]) -> None:
    assert shared_out(said_together, alone) == shared


@pytest.mark.parametrize("space", [" ", "\u3000", "  "])
def test_a_japanese_number_may_have_spaces_in_it(g2p_of: G2POf, space: str) -> None:
    for text in ("4{}万", "4{}万円です", "第1{}千", "三{}億5{}千{}万"):
        spaced = words_of(text.format(*[space] * 3), g2p_of(Language.JA))
        assert said(spaced) == said(words_of(text.format("", "", ""), g2p_of(Language.JA)))


@pytest.mark.parametrize("text", ["9億兆/", "2三一は 2", "6ー8百千は", "あ、9億兆/ です。2三一は 2"])
def test_japanese_of_which_openjtalk_loses_track_is_spoken(g2p_of: G2POf, text: str) -> None:
    words = words_of(text, g2p_of(Language.JA))
    assert words
    assert words[0].char_start == 0
    assert words[-1].char_end == len(text)


@pytest.mark.parametrize("text", ["0.0", "3.5", "10.05", "1,234.5"])
def test_a_japanese_number_is_one_place(g2p_of: G2POf, text: str) -> None:
    words = words_of(text + "です", g2p_of(Language.JA))

    assert {(word.char_start, word.char_end) for word in words[:-1]} == {(0, len(text))}


@pytest.mark.parametrize("language", OTHERS)
@settings(deadline=None)  # a language is loaded when it is first heard of
@given(text=st.text(max_size=40))
def test_any_text_gives_words_or_is_refused(g2p_of: G2POf, language: Language, text: str) -> None:
    try:
        words = words_of(text, g2p_of(language))
    except TextRefused:
        return
    assert all(0 <= word.char_start <= word.char_end <= len(text) for word in words)
    assert all(before.char_start <= after.char_start for before, after in itertools.pairwise(words))
    token_ids(said(words))


def test_a_character_without_a_reading_is_refused_with_its_place(g2p_of: G2POf) -> None:
    with pytest.raises(UnspeakableCharacters) as raised:
        words_of("我\U0003134a你", g2p_of(Language.ZH))

    assert raised.value.char_start <= 1 < raised.value.char_end


def test_the_gateway_imports_no_language() -> None:
    heavy = "{'jieba', 'pyopenjtalk', 'misaki', 'spacy', 'pypinyin', 'phonemizer'}"
    code = f"import sys, gateway.text.frontend, gateway.text.scripts; assert not {heavy} & set(sys.modules)"

    subprocess.run([sys.executable, "-c", code], check=True)


def test_jieba_neither_trusts_nor_writes_a_file_in_tmp(tmp_path: Path) -> None:
    poison = tmp_path / "jieba.cache"
    poison.write_bytes(b"not a dictionary")
    code = "from gateway.text.phonemisers.chinese import ChineseG2P; ChineseG2P()"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, env={"TMPDIR": str(tmp_path)})

    assert [path.name for path in tmp_path.iterdir()] == ["jieba.cache"]
    assert poison.read_bytes() == b"not a dictionary"


def test_objects_never_reach_a_phonemiser(g2p_of: G2POf) -> None:
    assert words_of(f"hola {OBJECT} adiós", g2p_of(Language.ES))
