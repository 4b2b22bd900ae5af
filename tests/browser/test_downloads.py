"""Files: what was heard, in any format, with subtitles."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
import pytest
import srt
import webvtt
from playwright.sync_api import Page

from gateway.audio.formats import FORMATS
from tests.browser.conftest import Player
from tests.conftest import Service

TEXT = (
    'He paid for it, on the third of May. "Really?" she asked. [pause:1.5s] Nobody knew (but [Kokoro](/kˈOkəɹO/) did).'
)


def download(player: Player, button: str, folder: Path) -> Path:
    if player.page.get_attribute("#download", "open") is None:
        player.page.click("#download > summary")
    with player.page.expect_download() as download:
        player.page.click(button)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def speak_all(player: Player) -> None:
    player.speak(TEXT)
    player.wait(lambda: bool(player.ask("isComplete")), "all of it")


def test_wav_is_made_of_what_was_heard(player: Player, service: Service, tmp_path: Path) -> None:
    speak_all(player)
    player.page.click("#download > summary")
    player.page.select_option("#format", "wav")
    asked = len(player.speech())
    path = download(player, "#save-audio", tmp_path)
    assert len(player.speech()) == asked
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    spoken = service.speak(TEXT, voice="af_heart").content
    assert np.array_equal(samples, np.frombuffer(spoken, "<i2"))
    assert path.name == "he-paid-for-it-on.wav"


@pytest.mark.parametrize("form", ["mp3", "opus", "webm", "flac", "m4a", "aac"])
def test_other_formats_come_from_the_server(player: Player, tmp_path: Path, form: str) -> None:
    speak_all(player)
    player.page.click("#download > summary")
    player.page.select_option("#format", form)
    path = download(player, "#save-audio", tmp_path)
    assert path.suffix == f".{form}"
    with av.open(str(path)) as file:
        decoded = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert decoded == pytest.approx(player.ask("arrived"), abs=0.1)


@pytest.mark.parametrize(("form", "extension", "codec"), [("mulaw", "ulaw", "mulaw"), ("alaw", "alaw", "alaw")])
def test_telephones_get_theirs(player: Player, tmp_path: Path, form: str, extension: str, codec: str) -> None:
    speak_all(player)
    player.page.click("#download > summary")
    player.page.select_option("#format", form)
    assert player.page.is_hidden("#bit-rate-field")
    path = download(player, "#save-audio", tmp_path)
    assert path.suffix == f".{extension}"
    with av.open(str(path), format=codec, options={"sample_rate": "8000"}) as file:
        decoded = sum(frame.samples / 8000 for frame in file.decode(audio=0))
    assert decoded == pytest.approx(player.ask("arrived"), abs=0.1)


def test_a_file_has_the_rates_that_are_chosen(player: Player, service: Service, tmp_path: Path) -> None:
    page = player.page
    speak_all(player)
    page.click("#download > summary")
    page.select_option("#format", "mp3")
    page.select_option("#sample-rate", "48000")
    page.select_option("#bit-rate", "320000")
    with av.open(str(download(player, "#save-audio", tmp_path))) as file:
        assert (file.streams.audio[0].rate, file.streams.audio[0].bit_rate) == (48_000, 320_000)
    page.select_option("#sample-rate", "8000")  # there is no such bit rate at it
    assert page.input_value("#bit-rate") == ""
    page.select_option("#format", "wav")  # what is in hand is at another rate
    with av.open(str(download(player, "#save-audio", tmp_path))) as file:
        assert file.streams.audio[0].rate == 8000


def test_every_rate_that_is_offered_can_be_had(player: Player, service: Service) -> None:
    page, refused = player.page, []
    page.click("#download > summary")
    assert set(values(page, "#format")) == set(FORMATS)
    for form in values(page, "#format"):
        page.select_option("#format", form)
        for rate in values(page, "#sample-rate"):
            page.select_option("#sample-rate", rate)
            for bits in values(page, "#bit-rate"):
                said = {"sample_rate": rate and int(rate), "bitrate": bits and int(bits)}
                chosen = {name: value for name, value in said.items() if value}
                answer = service.speak("Hi.", response_format=form, **chosen)
                refused += [] if answer.status_code == 200 else [(form, rate, bits)]
    assert refused == []


def values(page: Page, select: str) -> list[str]:
    """What is offered."""
    found: list[str] = page.eval_on_selector_all(f"{select} option", "options => options.map(one => one.value)")
    return found


def test_a_file_can_be_had_without_listening(player: Player, tmp_path: Path) -> None:
    player.write(TEXT)
    path = download(player, "#save-audio", tmp_path)
    assert path.stat().st_size > 10_000
    subtitles = list(srt.parse(download(player, "#save-srt", tmp_path).read_text()))
    assert "Nobody knew" in subtitles[-1].content


def test_subtitles_are_made_of_the_words_in_hand(player: Player, tmp_path: Path) -> None:
    speak_all(player)
    asked = len(player.speech())
    cues = list(srt.parse(download(player, "#save-srt", tmp_path).read_text()))
    assert len(player.speech()) == asked
    assert [cue.content.replace("\n", " ") for cue in cues] == [
        "He paid for it, on the third of May.",
        '"Really?"',
        "she asked.",
        "Nobody knew (but Kokoro did).",
    ]
    words = player.ask("words")
    assert cues[0].start.total_seconds() == pytest.approx(words[0]["start"], abs=1e-3)
    assert cues[-1].end.total_seconds() == pytest.approx(words[-1]["end"], abs=1e-3)
    assert cues[3].start.total_seconds() - cues[2].end.total_seconds() > 1
    vtt = webvtt.read(str(download(player, "#save-vtt", tmp_path)))
    assert [cue.text.replace("\n", " ") for cue in vtt.captions] == [cue.content.replace("\n", " ") for cue in cues]


def test_a_download_without_text_is_told(player: Player) -> None:
    player.write("")
    player.page.click("#download > summary")
    player.page.click("#save-audio")
    player.page.wait_for_selector("#notice p")
    assert "no text" in player.page.inner_text("#notice")
