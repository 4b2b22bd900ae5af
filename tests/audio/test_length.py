"""What is synthesised is what is heard: same length, nothing lost at either end, in every format."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audio.formats import FORMATS, AudioFormat
from tests.audio.listening import (
    ALL_FORMATS,
    CODEC_FRAME,
    Recording,
    decode,
    decode_with_libsndfile,
    record,
    save,
    shift_of,
    split,
    stream,
)

LESS_THAN_A_FRAME, WORD, PHRASE, SENTENCE, THREE_MINUTES = 470, 1_200, 7_200, 72_001, 4_320_000

every_format = pytest.mark.parametrize("audio_format", ALL_FORMATS, ids=lambda one: one.name)


def assert_whole(audio_format: AudioFormat, recording: Recording, *encodings: bytes) -> None:
    num_samples = len(recording.pcm)
    for encoded in encodings:
        decoded = decode(audio_format, encoded)
        assert 0 <= len(decoded) - num_samples <= CODEC_FRAME[audio_format.name]
        assert shift_of(recording.head, recording.pcm, decoded) == 0
        assert shift_of(recording.tail, recording.pcm, decoded) == 0


@every_format
@pytest.mark.parametrize("num_samples", [WORD, PHRASE, SENTENCE])
def test_decoded_is_as_long_as_synthesised(audio_format: AudioFormat, num_samples: int, tmp_path: Path) -> None:
    recording = record(num_samples)
    chunks = split(recording.pcm)
    assert_whole(audio_format, recording, stream(audio_format, chunks), save(audio_format, chunks, tmp_path))


@every_format
def test_nothing_drifts_in_three_minutes(audio_format: AudioFormat) -> None:
    recording = record(THREE_MINUTES, volume=0)  # silence between the bursts is quickly encoded
    assert_whole(audio_format, recording, stream(audio_format, split(recording.pcm, size=240_000)))


@pytest.mark.parametrize("name", ["mp3", "opus", "flac", "wav"])
def test_files_are_exact_in_libsndfile_too(name: str, tmp_path: Path) -> None:
    recording = record(SENTENCE, quiet=False)
    decoded = decode_with_libsndfile(save(FORMATS[name], [recording.pcm], tmp_path))
    assert len(decoded) == SENTENCE
    assert shift_of(recording.head, recording.pcm, decoded) == 0


@pytest.mark.parametrize("name", ["mp3", "opus", "wav"])
def test_streams_are_exact_in_libsndfile_too(name: str) -> None:
    recording = record(SENTENCE)
    decoded = decode_with_libsndfile(stream(FORMATS[name], [recording.pcm]))
    assert 0 <= len(decoded) - SENTENCE <= CODEC_FRAME[name]
    assert shift_of(recording.head, recording.pcm, decoded) == 0


class TestAudioThatStartsAtOnce:
    """Without a quiet lead-in the priming has to stay, or the onset would be lost with it."""

    @every_format
    @pytest.mark.parametrize("num_samples", [LESS_THAN_A_FRAME, PHRASE])
    def test_keeps_its_onset(self, audio_format: AudioFormat, num_samples: int, tmp_path: Path) -> None:
        recording = record(num_samples, quiet=False)
        late_by = 1024 if audio_format.name == "aac" else 0  # ADTS has no way to announce the priming
        most = CODEC_FRAME[audio_format.name] + late_by
        chunks = split(recording.pcm)
        for encoded in (stream(audio_format, chunks), save(audio_format, chunks, tmp_path)):
            decoded = decode(audio_format, encoded)
            assert 0 <= len(decoded) - num_samples <= most
            assert shift_of(recording.head, recording.pcm, decoded) == late_by
            assert shift_of(recording.tail, recording.pcm, decoded) == late_by

    def test_streamed_mp3_starts_late_where_the_info_frame_is_not_believed(self) -> None:
        recording = record(PHRASE, quiet=False)
        decoded = decode_with_libsndfile(stream(FORMATS["mp3"], [recording.pcm]))
        assert shift_of(recording.head, recording.pcm, decoded) == 2 * 576
        assert 0 <= len(decoded) - PHRASE <= 3 * 576
