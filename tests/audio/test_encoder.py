"""Encoders refuse what they cannot do, and let go of codec and file whatever happens."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from gateway.audio.encoder import FileEncoder, StreamingEncoder
from gateway.audio.formats import FORMATS, MEDIA_TYPES, AudioFormat, UnknownFormatError, audio_format
from shared.errors import InputTooLarge
from tests.audio.listening import ALL_FORMATS, SAMPLE_RATE, record

PCM = record(12_000).pcm
every_format = pytest.mark.parametrize("one", ALL_FORMATS, ids=lambda one: one.name)


def test_formats_are_found_by_the_name_that_the_api_uses() -> None:
    named = {name: audio_format(name).media_type for name in FORMATS}
    assert set(named.values()) <= set(MEDIA_TYPES)
    assert named == {
        "mp3": "audio/mpeg",
        "opus": "audio/opus",
        "aac": "audio/aac",
        "flac": "audio/flac",
        "wav": "audio/wav",
        "pcm": "audio/pcm;rate=24000;channels=1",
        "m4a": "audio/mp4",
        "webm": "audio/webm;codecs=opus",
        "mulaw": "audio/basic",
        "alaw": "audio/PCMA;rate=8000;channels=1",
    }


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UnknownFormatError, match="'ogg'; known: mp3, opus, aac, flac, wav, pcm, m4a, webm, mulaw, alaw"
    ):
        audio_format("ogg")


@every_format
def test_nothing_in_gives_a_stream_of_nothing(one: AudioFormat) -> None:
    with StreamingEncoder(one, SAMPLE_RATE) as encoder:
        encoder.write(PCM[:0])
        assert len(encoder.close()) < 1_000  # at most headers


@every_format
def test_a_closed_encoder_is_of_no_use(one: AudioFormat) -> None:
    with StreamingEncoder(one, SAMPLE_RATE) as encoder:
        encoder.write(PCM)
        encoder.close()
        with pytest.raises(ValueError, match="closed"):
            encoder.write(PCM)
        with pytest.raises(ValueError, match="closed"):
            encoder.close()


@pytest.mark.parametrize("wrong", [PCM.astype(np.float32), PCM.reshape(2, -1)], ids=["float", "two-dimensional"])
def test_other_than_int16_mono_is_refused(wrong: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> None:
    with StreamingEncoder(FORMATS["wav"], SAMPLE_RATE) as encoder, pytest.raises(ValueError, match="int16"):
        encoder.write(wrong)


def test_every_second_sample_of_an_array_is_encoded_as_such() -> None:
    with StreamingEncoder(FORMATS["pcm"], SAMPLE_RATE) as encoder:
        assert encoder.write(PCM[::2]) == PCM[::2].tobytes()


@every_format
def test_an_error_in_mid_stream_closes_the_encoder(one: AudioFormat, tmp_path: Path) -> None:
    process = psutil.Process()
    open_files = process.num_fds()

    def fail(encoder: StreamingEncoder | FileEncoder) -> None:
        with encoder:
            encoder.write(PCM)
            raise KeyError

    for encoder in (StreamingEncoder(one, SAMPLE_RATE), FileEncoder(one, SAMPLE_RATE, tmp_path / one.name)):
        with pytest.raises(KeyError):
            fail(encoder)
        with pytest.raises(ValueError, match="closed"):
            encoder.write(PCM)
    assert process.num_fds() == open_files


def test_a_rate_that_the_codec_does_not_know_is_an_error() -> None:
    with pytest.raises(av.error.FFmpegError):
        StreamingEncoder(dataclasses.replace(FORMATS["opus"], sample_rate=12_345), SAMPLE_RATE)


@every_format
def test_a_file_that_cannot_be_made_is_an_error(one: AudioFormat, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        FileEncoder(one, SAMPLE_RATE, tmp_path / "missing" / "speech")


@every_format
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_error(one: AudioFormat) -> None:
    def encode() -> None:
        with FileEncoder(one, SAMPLE_RATE, "/dev/full") as encoder:
            encoder.write(PCM)
            encoder.close()

    with pytest.raises(OSError, match="No space left"):
        encode()


def test_more_than_a_file_can_state_is_refused(tmp_path: Path) -> None:
    small = dataclasses.replace(FORMATS["wav"], max_file_samples=len(PCM))
    with FileEncoder(small, SAMPLE_RATE, tmp_path / "speech.wav") as encoder:
        encoder.write(PCM)
        with pytest.raises(InputTooLarge, match="a wav file holds at most"):
            encoder.write(PCM[:1])
