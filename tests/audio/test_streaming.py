"""A listener hears audio as it is written, however it is cut up, and memory stays flat."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audio.encoder import FileEncoder, StreamingEncoder
from gateway.audio.formats import FORMATS, AudioFormat
from gateway.audio.shape import Pcm
from tests.audio.listening import ALL_FORMATS, SAMPLE_RATE, decode, record, split, stream

every_format = pytest.mark.parametrize("audio_format", ALL_FORMATS, ids=lambda one: one.name)
MIB = 1 << 20


def cut(pcm: Pcm, sizes: list[int]) -> list[Pcm]:
    """``pcm`` in chunks of ``sizes``, over and over; a size of 0 gives an empty chunk."""
    ends = list(itertools.takewhile(lambda end: end < len(pcm), itertools.accumulate(itertools.cycle(sizes))))
    return np.split(pcm, ends)


@every_format
def test_the_first_second_can_be_played_at_once(audio_format: AudioFormat) -> None:
    with StreamingEncoder(audio_format, SAMPLE_RATE) as encoder:
        first = encoder.write(record(SAMPLE_RATE).pcm)
    assert len(decode(audio_format, first)) >= 0.8 * SAMPLE_RATE


@every_format
def test_every_chunk_is_answered_with_its_audio(audio_format: AudioFormat) -> None:
    """What the encoder holds back does not grow: each second in gives about a second out."""
    received, heard = b"", []
    with StreamingEncoder(audio_format, SAMPLE_RATE) as encoder:
        for chunk in split(record(5 * SAMPLE_RATE).pcm):
            received += encoder.write(chunk)
            heard.append(len(decode(audio_format, received)))
    assert all(0.9 * SAMPLE_RATE <= more <= 1.1 * SAMPLE_RATE for more in np.diff(heard))


@every_format
@pytest.mark.parametrize("sizes", [[575], [577, 0, 1], [24_001], [1, 1_023, 4_096]], ids=str)
def test_the_cut_of_the_chunks_cannot_be_heard(audio_format: AudioFormat, sizes: list[int]) -> None:
    pcm = record(36_000).pcm
    whole = decode(audio_format, stream(audio_format, [pcm]))
    assert np.array_equal(decode(audio_format, stream(audio_format, cut(pcm, sizes))), whole)


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(list(FORMATS)),
    sizes=st.lists(st.integers(0, 3_000), min_size=1, max_size=6).filter(any),
    # From the shortest chunk there is: one token and its boundaries, a duration unit of 600 samples each. ADTS of a
    # single frame is below what libavformat needs to tell the format.
    num_samples=st.integers(1_800, 9_000),
)
def test_any_cut_of_any_length(name: str, sizes: list[int], num_samples: int) -> None:
    pcm = record(9_000, quiet=False).pcm[:num_samples]
    whole = decode(FORMATS[name], stream(FORMATS[name], [pcm]))
    assert np.array_equal(decode(FORMATS[name], stream(FORMATS[name], cut(pcm, sizes))), whole)


@pytest.mark.parametrize(("name", "streamed"), [("opus", True), ("wav", True), ("flac", False)])
def test_memory_is_flat_over_ten_minutes(name: str, streamed: bool, tmp_path: Path) -> None:
    ten_seconds = record(10 * SAMPLE_RATE).pcm
    process = psutil.Process()
    encoder = (
        StreamingEncoder(FORMATS[name], SAMPLE_RATE)
        if streamed
        else FileEncoder(FORMATS[name], SAMPLE_RATE, tmp_path / name)
    )
    with encoder:
        for _ in range(6):
            encoder.write(ten_seconds)
        after_one_minute = process.memory_info().rss
        for _ in range(54):
            encoder.write(ten_seconds)
        assert process.memory_info().rss - after_one_minute < 4 * MIB
        encoder.close()
