"""Captions, dialogue and phonemes over HTTP, with the fake engine: the words are where the sound is."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import httpx
import numpy as np
import pytest
import srt
import webvtt

from tests.conftest import Service
from tests.system.test_bad_input import check_error

TEXT = 'He paid $5 for it, on May 3rd. "Really?" she asked. [pause:1.5s] Nobody knew.'
WORDS = "He paid $5 for it on May 3rd Really she asked Nobody knew".split()


def post(service: Service, path: str, **body: object) -> httpx.Response:
    return httpx.post(f"{service.url}{path}", json=body, timeout=60)


def caption(service: Service, **body: object) -> dict[str, Any]:
    """The whole answer, put together from its lines if there are several."""
    answer = post(service, "/v1/audio/captioned_speech", **{"input": TEXT, "response_format": "pcm", **body})
    assert answer.status_code == 200, answer.text[:500]
    lines = [json.loads(line) for line in answer.text.splitlines()]
    return {
        "audio": b"".join(base64.b64decode(line["audio"]) for line in lines),
        "audio_format": {line["audio_format"] for line in lines},
        "timestamps": [stamp for line in lines for stamp in line["timestamps"] or ()],
    }


@pytest.mark.parametrize("stream", [True, False])
def test_every_word_is_there_once_in_order_and_inside_the_audio(service: Service, stream: bool) -> None:
    captions = caption(service, stream=stream)
    stamps = captions["timestamps"]
    assert captions["audio_format"] == {"audio/pcm;rate=24000;channels=1"}
    assert [stamp["word"] for stamp in stamps] == WORDS
    assert [TEXT[stamp["char_start"] : stamp["char_end"]] for stamp in stamps] == WORDS
    edges = [edge for stamp in stamps for edge in (stamp["start_time"], stamp["end_time"])]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= len(captions["audio"]) / 48_000 + 1e-4
    assert {stamp["word"]: stamp["spoken"] for stamp in stamps if "spoken" in stamp} == {
        "$5": "five dollars",
        "3rd": "third",
    }


def test_a_pause_lies_between_its_neighbours_and_is_silent(service: Service) -> None:
    captions = caption(service)
    before, after = next(pair for pair in itertools.pairwise(captions["timestamps"]) if pair[1]["word"] == "Nobody")
    pcm = np.frombuffer(captions["audio"], "<i2")
    gap = pcm[round(before["end_time"] * 24_000) : round(after["start_time"] * 24_000)]
    runs = [len(list(run)) for is_silent, run in itertools.groupby(gap == 0) if is_silent]
    assert max(runs) >= 1.5 * 24_000


def test_the_audio_is_that_of_plain_speech(service: Service) -> None:
    plain = service.speak(TEXT, stream=False).content
    assert caption(service, stream=False)["audio"] == plain


@pytest.mark.parametrize("stream", [True, False])
def test_without_timestamps(service: Service, stream: bool) -> None:
    answer = post(
        service, "/dev/captioned_speech", input="Hello.", return_timestamps=False, stream=stream, response_format="wav"
    )
    assert all(json.loads(line)["timestamps"] is None for line in answer.text.splitlines())


def test_a_pause_comes_first_and_last_too(service: Service) -> None:
    for stream in (True, False):
        pcm = np.frombuffer(service.speak("[pause:1s] Hello. [pause:500ms]", stream=stream).content, "<i2")
        assert not pcm[:24_000].any()
        assert not pcm[-12_000:].any()
        assert pcm.any()


def test_only_silence(service: Service) -> None:
    assert service.speak("[pause:2s]").content == bytes(2 * 48_000)


def test_voices_change_in_mid_text(service: Service) -> None:
    text = "[voice:me]Good morning. [voice:af_sky]Good evening."
    tagged = {"allow_voice_tags": True, "voice_aliases": {"ME": {"voice": "am_adam", "rate": 2}}}
    captions = caption(service, input=text, **tagged)
    assert [stamp["voice"] for stamp in captions["timestamps"]] == ["am_adam"] * 2 + ["af_sky"] * 2
    alone = [
        service.speak("Good morning.", voice="am_adam", speed=2, stream=False).content,
        service.speak("Good evening.", voice="af_sky", stream=False).content,
    ]
    assert caption(service, input=text, stream=False, **tagged)["audio"] == b"".join(alone)


def test_an_alias_is_a_voice_without_any_tag(service: Service) -> None:
    aliases = {"me": {"voice": "am_adam", "rate": 2}}
    alone = service.speak("Good morning.", voice="am_adam", speed=2, stream=False).content
    assert service.speak("Good morning.", voice="Me", voice_aliases=aliases, stream=False).content == alone
    turns = [{"voice": "me", "text": "Good morning."}]
    said = post(service, "/dev/dialogue", turns=turns, voice_aliases=aliases, response_format="pcm", stream=False)
    assert said.content == alone


def test_tags_are_text_where_they_are_not_asked_for(service: Service) -> None:
    stamps = caption(service, input="[rate:2] Hello.")["timestamps"]
    assert stamps[0]["word"] != "Hello"


def test_ssml(service: Service) -> None:
    text = '<speak>Tom &amp; <emphasis>I</emphasis><break time="1s"/> <sub alias="et cetera">etc</sub></speak>'
    stamps = caption(service, input=text, ssml=True)["timestamps"]
    assert [text[stamp["char_start"] : stamp["char_end"]] for stamp in stamps] == ["Tom", "&amp;", "I", "etc"]
    assert stamps[3]["spoken"] == "et cetera"


def test_a_dialogue_is_its_turns_one_after_the_other(service: Service) -> None:
    turns = [{"voice": "af_sky", "text": "How are you?"}, {"voice_id": "am_adam", "text": "Fine [pause:1s] so far."}]
    both = post(
        service, "/v1/audio/dialogue", turns=turns, response_format="pcm", stream=False, pause_between_turns=0.5
    )
    first = service.speak("How are you?", voice="af_sky", stream=False).content
    second = service.speak("Fine [pause:1s] so far.", voice="am_adam", stream=False).content
    assert both.content == first + bytes(24_000) + second


def test_a_fault_in_a_turn_names_it(service: Service) -> None:
    turns = [{"text": "Fine."}, {"voice": "nobody", "text": "What?"}]
    check_error(post(service, "/dev/dialogue", turns=turns), 400, "turns[1]", "voice_not_found")
    check_error(post(service, "/dev/dialogue", inputs=[{"text": " "}]), 400, "inputs", "invalid_value")


def test_phonemes_come_from_words_and_go_back_to_speech(service: Service) -> None:
    answer = post(service, "/v1/audio/phonemize", text="I paid $5. [Kokoro](/kˈOkəɹO/) spoke.", language="a").json()
    assert answer["phonemes"] == "ˌI pˈAd fˈIv dˈɑləɹz. kˈOkəɹO spˈOk."
    assert len(answer["tokens"]) == len(answer["phonemes"])
    assert [word["word"] for word in answer["words"]] == ["I", "paid", "$5", "$5", ".", "Kokoro", "spoke", "."]
    spoken = post(
        service, "/v1/audio/generate_from_phonemes", phonemes=answer["phonemes"], response_format="pcm", stream=False
    )
    assert spoken.content == service.speak("I paid $5. [Kokoro](/kˈOkəɹO/) spoke.", stream=False).content


def test_phonemes_without_a_meaning_are_refused_with_their_place(service: Service) -> None:
    answer = post(service, "/dev/generate_from_phonemes", phonemes="hɛlˈO wˈɜɹ☃d")
    assert "character 10" in check_error(answer, 400, "phonemes", "invalid_value")
    check_error(post(service, "/dev/generate_from_phonemes", phonemes=" ,. "), 400, "phonemes", "invalid_value")


def test_what_phonemes_have_no_use_for_is_refused(service: Service) -> None:
    for field, value in {"lexicon": {"a": "b"}, "lang_code": "e", "voice_aliases": {}}.items():
        answer = post(service, "/dev/generate_from_phonemes", phonemes="həlˈO", **{field: value})
        check_error(answer, 400, field, "invalid_value")


def test_a_lexicon_is_heard(service: Service) -> None:
    answer = post(service, "/dev/phonemize", text="Kokoro speaks.", lexicon={"kokoro": "/kˈOkəɹO/"}).json()
    assert answer["phonemes"].startswith("kˈOkəɹO ")


def test_marks_are_timed(service: Service) -> None:
    text = '<speak>One <mark name="here"/>two.<mark name="end"/></speak>'
    for stream in (True, False):
        answer = post(service, "/v1/audio/captioned_speech", input=text, ssml=True, stream=stream)
        lines = [json.loads(line) for line in answer.text.splitlines()]
        starts = {stamp["word"]: stamp["start_time"] for line in lines for stamp in line["timestamps"]}
        here, end = lines[-1]["marks"]
        assert (here, end["name"]) == ({"name": "here", "time": starts["two"]}, "end")
        assert end["time"] > starts["two"]


def cue_texts(written: str, form: str) -> list[str]:
    if form == "srt":
        return [cue.content for cue in srt.parse(written)]
    return [cue.text for cue in webvtt.from_string(written).captions]


@pytest.mark.parametrize("form", ["srt", "vtt", "vtt-words"])
def test_subtitles_alone_and_beside_the_audio(service: Service, form: str) -> None:
    alone = post(service, "/v1/audio/subtitles", input=TEXT, subtitle_format=form)
    assert alone.headers["content-type"].startswith("application/x-subrip" if form == "srt" else "text/vtt")
    both = post(service, "/v1/audio/subtitles", input=TEXT, subtitle_format=form, include_audio=True).json()
    assert both["subtitles"] == alone.text
    assert base64.b64decode(both["audio"]) == service.speak(TEXT, stream=False, response_format="mp3").content
    shown = " ".join(cue_texts(alone.text, form))
    assert shown.replace("\n", " ").split() == TEXT.replace("[pause:1.5s] ", "").split()


def test_a_text_without_a_sound_has_no_subtitles(service: Service) -> None:
    check_error(post(service, "/v1/audio/subtitles", input=" "), 400, "input", "unspeakable_text")


@pytest.mark.parametrize(
    ("voice", "text", "words"),
    [
        ("ef_dora", "¿Cuánto cuesta? Son 3 euros.", "Cuánto cuesta Son 3 euros"),
        ("ff_siwis", "Parce qu'il pleut, on reste ici.", "Parce qu'il pleut on reste ici"),
        ("if_sara", "Che ora è? Sono le 5.", "Che ora è Sono le 5"),
        ("pf_dora", "Não sei, talvez amanhã.", "Não sei talvez amanhã"),
        ("hf_alpha", "यह मेरा घर है।", "यह मेरा घर है"),
        ("zf_xiaobei", "你好，世界。我有3本书。", None),
        ("jf_alpha", "今日はいい天気ですね。散歩しましょう。", None),
    ],
)
def test_every_language_is_timed(service: Service, voice: str, text: str, words: str | None) -> None:
    stamps = caption(service, input=text, voice=voice)["timestamps"]
    if words is not None:
        assert [stamp["word"] for stamp in stamps] == words.split()
    assert all(stamp["word"] == text[stamp["char_start"] : stamp["char_end"]] for stamp in stamps)
    shown = "".join(stamp["word"] for stamp in stamps)
    assert shown == "".join(char for char in text if char.isalnum() or char in shown)
    edges = [edge for stamp in stamps for edge in (stamp["start_time"], stamp["end_time"])]
    assert edges == sorted(edges)
