from __future__ import annotations

import pytest

from gateway.text.errors import InvalidMarkup
from gateway.text.languages import Language
from gateway.text.markup import VoiceAlias
from gateway.text.segments import Mark, Pause, Script, Speech
from tests.text.markup.markup import BASE, read, slices, speeches, written


def test_a_text_without_markup_is_one_speech_that_costs_no_copy() -> None:
    text = "Nothing special, but long. " * 40_000
    [speech] = speeches(read(text))

    assert speech.style == BASE
    assert speech.text.text is text
    assert speech.text.starts == range(len(text))
    assert speech.text.ends == range(1, len(text) + 1)


@pytest.mark.parametrize("text", ["", "  ", "\n\t", "[pause:0s]", " [voice:af_sky] [rate:2] "])
def test_what_is_blank_says_nothing(text: str) -> None:
    assert read(text) == Script(())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. [pause:1.5s] Two.", ["One. ", 1.5, " Two."]),
        ("[pause:2s]First", [2.0, "First"]),
        ("Last[pause:2s]", ["Last", 2.0]),
        ("a[pause:1s][pause:500ms] [pause:0.25]b", ["a", 1.0, 0.5, 0.25, "b"]),
        ("a [PAUSE:1S] b [Pause: 2 s ] c [pause:.5s] d", ["a ", 1.0, " b ", 2.0, " c ", 0.5, " d"]),
        ("a [pause:60s] b", ["a ", 60.0, " b"]),
        ("no[pause:0]thing", ["no thing"]),
        ("[pause] [pauses:1s] (pause:1s)", ["[pause] [pauses:1s] (pause:1s)"]),
        ("[a [pause:1s]]", ["[a ", 1.0, "]"]),
    ],
)
def test_pauses(text: str, expected: list[str | float]) -> None:
    assert written(read(text)) == expected
    assert written(read(text, allow_voice_tags=False)) == expected


def test_a_pause_knows_its_tag() -> None:
    text = "Wait [pause:500ms] for it."

    assert read(text).segments[1] == Pause(0.5, 5, 18)
    assert text[5:18] == "[pause:500ms]"


def test_voices_and_rates() -> None:
    text = "A [rate:1.5]B [voice:af_sky+af_bella(3)]C [RATE:0.5]D [Voice: narrator ]E [rate:2]F [/rate]G [/voice]H"
    found = [(speech.text.text.strip(), speech.style.voice, speech.style.rate) for speech in speeches(read(text))]

    mix, george = (("af_sky", 0.25), ("af_bella", 0.75)), (("bm_george", 1.0),)
    assert found == [
        ("A", BASE.voice, 1.0),
        ("B", BASE.voice, 1.5),
        ("C", mix, 1.0),
        ("D", mix, 0.5),
        ("E", george, 0.8),
        ("F", george, 1.6),
        ("G", george, 0.8),
        ("H", BASE.voice, 1.0),
    ]


def test_a_voice_brings_its_language_unless_the_request_fixed_one() -> None:
    text = "Hi [voice:ef_dora] hola [voice:default] bye"

    assert [speech.style.language for speech in speeches(read(text))] == [Language.EN_US, Language.ES, Language.EN_US]
    fixed = read(text, language_of=None)
    assert {speech.style.language for speech in speeches(fixed)} == {Language.EN_US}


def test_an_alias_comes_before_a_voice_of_its_name() -> None:
    aliases = {"Default": VoiceAlias("am_adam"), "AF_SKY": VoiceAlias("am_puck")}
    [one, two] = speeches(read("[voice:default]one [voice:af_sky]two", aliases=aliases))

    assert one.style.voice == (("am_adam", 1.0),)
    assert two.style.voice == (("am_puck", 1.0),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a [rate:1] b", ["a  b"]),
        ("a[rate:1]b", ["a b"]),
        ("a[voice:af_heart], b", ["a, b"]),
        ("a [voice:af_sky] [voice:af_heart] b", ["a   b"]),
        ("a [voice:af_sky] \n [pause:1] [/voice]b", ["a  \n ", 1.0, " b"]),
    ],
)
def test_equal_styles_are_one_speech(text: str, expected: list[str | float]) -> None:
    assert written(read(text)) == expected


@pytest.mark.parametrize(
    "text", ["[voice:af_sky] [rate:2]", "[voice:nobody]", "[rate:fast]", "[voice:", "[/voice] [/rate]", "[rate:99]"]
)
def test_without_voice_tags_they_are_text(text: str) -> None:
    assert written(read(text, allow_voice_tags=False)) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Say [Kokoro](/kˈOkəɹO/) now", "Say {Kokoro|kˈOkəɹO} now"),
        ("[Kokoro](/kˈOkəɹO/)'s [voice box](/vˈYs bˈɑks/).", "{Kokoro|kˈOkəɹO}'s {voice box|vˈYs bˈɑks}."),
        ("a[ tomato ](/təˈmeɪ.toʊ/)", "a {tomato|təmˈAtO} "),
        ("[go](/gˈO/)", "{go|ɡˈO}"),
        ("[not](+1) [not](-1) [a b](2) [a](-2)", "{not|1} {not|-1} {a|2} {b|2} {a|-2}"),
        ("[is](0.5) [is](-0.5) [is](+0.5) [is](1) [is](0)", "{is|0.5} {is|-0.5} {is|0.5} {is|1} {is|0}"),
        ("[Stop, now!](+1) [$5](1)", "{Stop|1}, {now|1}! {$5|1}"),
        ("[1,000](#a#) [101](#&n#)", "{1,000|#a} {101|#&n}"),
        ("[[x](/a/)]", "[{x|a}]"),
        # no pronunciations: links, references, citations
        ("[text](https://example.com/a)", "[text](https://example.com/a)"),
        ("[about](/about) [docs](/docs/intro/)", "[about](/about) [docs](/docs/intro/)"),
        ("[top](#top) [Smith](2019) [a](3) [](/a/)", "[top](#top) [Smith](2019) [a](3) [](/a/)"),
        ("[a] (/a/) a](/a/) [a(/a/)", "[a] (/a/) a](/a/) [a(/a/)"),
    ],
)
def test_pronunciations(text: str, expected: str) -> None:
    assert written(read(text)) == [expected]
    assert written(read(text, allow_voice_tags=False)) == [expected]


def test_every_character_knows_its_place() -> None:
    text = "Hé [voice:af_heart][ Kokoro ](/kˈOkəɹO/)[very good](+1)x"
    [speech] = speeches(read(text))

    assert [stretch for _, stretch in slices(text, speech)] == [*"Hé  ", "Kokoro", " ", "very", " ", "good", "x"]
    assert speech.text.span(0, 1) == (0, 1)
    assert {text[start : start + len(said.text)] for start, said in speech.text.said.items()} == {
        "Kokoro",
        "very",
        "good",
    }


def test_an_object_character_of_the_users_own_is_a_space() -> None:
    [speech] = speeches(read("a\ufffcb [c\ufffcd](/a/)"))

    assert [said.text for _, said in speech.text.objects()] == ["c d"]
    assert speech.text.text == "a b \ufffc"


_REFUSED = [
    ("a [pause:abc]", 2, 13, "'[pause:abc]': a pause is written in seconds or milliseconds, as in [pause:1.5s] or [p"),
    ("[pause:]", 0, 8, "'[pause:]': a pause is written in"),
    ("[pause:-1s]", 0, 11, "'[pause:-1s]': a pause is written in"),
    ("[pause:1m]", 0, 10, "'[pause:1m]': a pause is written in"),
    ("[pause:1s", 0, 9, "'[pause:1s': the tag has no closing bracket, at character 0."),
    ("a [pause:60.5s]", 2, 15, "'[pause:60.5s]': a pause is at most 60 s long, at character 2."),
    ("[pause:999999999s]", 0, 18, "'[pause:999999999s]': a pause is at most 60 s long"),
    ("[pause:60]" * 7, 60, 70, "'[pause:60]': the pauses up to here are longer than 400 s, the limit for all together"),
    ("line\nline [pause:x]", 10, 19, "as in [pause:1.5s] or [pause:500ms], at character 10 (line 2, column 6)."),
    ("a [voice:af_hart] b", 2, 17, "'[voice:af_hart]': Voice 'af_hart' not found. Did you mean 'af_heart'"),
    (
        "[voice:af_sky(x)]",
        0,
        17,
        "'[voice:af_sky(x)]': The weight of voice 'af_sky' must be a positive number, at char",
    ),
    ("[voice:]", 0, 8, "'[voice:]': the tag names no voice, at character 0."),
    ("x [voice:af_sky", 2, 15, "'[voice:af_sky': the tag has no closing bracket, at character 2."),
    ("[rate:fast]", 0, 11, "'[rate:fast]': a rate is a number, as in [rate:1.2], at character 0."),
    ("[rate:-1]", 0, 9, "'[rate:-1]': a rate is a number"),
    ("[rate:4.5]", 0, 10, "'[rate:4.5]': this makes the rate 4.5; it must be between 0.25 and 4, at character 0."),
    ("[voice:fast] [rate:3]", 13, 21, "'[rate:3]': this makes the rate 6; it must be between 0.25 and 4"),
    ("[rate:0]", 0, 8, "'[rate:0]': this makes the rate 0; it must be"),
    ("a [b](/a€/)", 8, 9, "'[b](/a€/)': '€' (U+20AC, EURO SIGN) is no phoneme that the model knows, at character 8."),
    ("[b](//)", 4, 5, "'[b](//)': there is no sound in these phonemes"),
    ("[b](/ˈ ,/)", 5, 6, "there is no sound in these phonemes"),
    ("[b](/" + "a" * 511 + "/)", 5, 6, "a pronunciation has at most 510 phonemes, this has 511, at character 5."),
    ("[voice:ef_dora] [si](+1)", 17, 19, "'si': stress and number flags are for English, this is es, at character 17."),
    ("[voice:ef_dora] [5](#a#)", 17, 18, "'5': stress and number flags are for English"),
    ("[5](#x#)", 0, 8, "'[5](#x#)': the flags of a number are '&', 'a' and 'n', at character 0."),
]


@pytest.mark.parametrize(("text", "start", "end", "message"), _REFUSED)
def test_refusals_name_the_place(text: str, start: int, end: int, message: str) -> None:
    with pytest.raises(InvalidMarkup) as refused:
        read(text)

    error = refused.value
    assert message in error.message
    assert (error.char_start, error.char_end, error.param) == (start, end, "input")


def test_an_unknown_voice_keeps_its_code() -> None:
    for text, code in [
        ("[voice:nobody]", "voice_not_found"),
        ("[voice:af_sky(x)]", "invalid_value"),
        ("[rate:x]", "invalid_markup"),
    ]:
        with pytest.raises(InvalidMarkup) as refused:
            read(text)
        assert refused.value.code == code


def test_limits_are_the_options() -> None:
    assert written(read("[pause:5s]", max_pause_s=5.0)) == [5.0]
    with pytest.raises(InvalidMarkup, match="at most 5 s"):
        read("[pause:5.1s]", max_pause_s=5.0)
    assert len(read("[pause:0.1s]" * 100, max_total_pause_s=10.0).segments) == 100
    with pytest.raises(InvalidMarkup, match="longer than 10 s"):
        read("[pause:0.1s]" * 101, max_total_pause_s=10.0)


def test_ssml_without_the_option_is_text() -> None:
    text = "<speak>Hi<mark name='a'/></speak>"

    assert written(read(text, ssml=False)) == [text]
    assert read(text).marks == (Mark("a", 9),)


def test_speech_is_one_object_with_its_style() -> None:
    assert read("Hi") == Script((Speech(read("Hi").segments[0].text, BASE),))  # type: ignore[union-attr]
