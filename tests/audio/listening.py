"""Test signals with marks at both ends, and decoders to find them again."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile  # type: ignore[import-untyped]
from av.audio.resampler import AudioResampler

from gateway.audio.choice import choose_format
from gateway.audio.encoder import FileEncoder, StreamingEncoder
from gateway.audio.formats import FORMATS, AudioFormat
from gateway.audio.shape import Pcm

SAMPLE_RATE = 24_000
ALL_FORMATS = [choose_format(name, SAMPLE_RATE) for name in FORMATS]

# Samples at 24 kHz in one codec frame: MPEG-2 Layer III 576, AAC-LC 1024, Opus 20 ms; the rest is exact.
CODEC_FRAME = dict.fromkeys(FORMATS, 0) | {"mp3": 576, "opus": 480, "webm": 480, "aac": 1024, "m4a": 1024}

LEAD_IN = 1_105  # as long as the longest priming
_MAX_BURST = 1_200 - LEAD_IN  # the first burst ends 50 ms from the start


@dataclass(frozen=True)
class Recording:
    """A faint tone with a burst of noise at each end. ``quiet``: the first burst comes after a silent lead-in."""

    pcm: Pcm
    head: slice
    tail: slice


def record(num_samples: int, *, quiet: bool = True, volume: float = 1_500) -> Recording:
    noise = np.random.default_rng(0)
    pcm = (volume * np.sin(np.arange(num_samples) * (2 * np.pi * 300 / SAMPLE_RATE))).astype(np.int16)
    start = LEAD_IN if quiet else 0
    pcm[:start] = 0
    head, tail = slice(start, start + _MAX_BURST), slice(num_samples - _MAX_BURST, num_samples)
    for burst in (head, tail):
        pcm[burst] = noise.integers(-12_000, 12_000, pcm[burst].size)
    return Recording(pcm, head, tail)


def shift_of(burst: slice, original: Pcm, decoded: Pcm) -> int:
    """By how many samples ``original[burst]`` comes later in ``decoded``; fails if it is not there."""
    around = 3_000
    start = max(0, burst.start - around)
    window = decoded[start : burst.stop + around].astype(np.float64)
    template = original[burst].astype(np.float64)
    match = np.correlate(window, template, "valid")
    best = np.argmax(match)
    found = window[best : best + template.size]
    likeness = match[best] / (np.linalg.norm(template) * np.linalg.norm(found))
    assert likeness > 0.8, f"burst at {burst.start} is lost: best likeness {likeness:.2f}"
    return int(start + best - burst.start)


def split(pcm: Pcm, size: int = SAMPLE_RATE) -> list[Pcm]:
    return [pcm[at : at + size] for at in range(0, len(pcm), size)]


def stream(audio_format: AudioFormat, chunks: Iterable[Pcm]) -> bytes:
    with StreamingEncoder(audio_format, SAMPLE_RATE) as encoder:
        packets = [encoder.write(pcm) for pcm in chunks]
        return b"".join([*packets, encoder.close()])


def save(audio_format: AudioFormat, chunks: Iterable[Pcm], folder: Path) -> bytes:
    path = folder / f"speech.{audio_format.extension}"
    with FileEncoder(audio_format, SAMPLE_RATE, path) as encoder:
        for pcm in chunks:
            encoder.write(pcm)
        encoder.close()
    return path.read_bytes()


def decode(audio_format: AudioFormat, encoded: bytes) -> Pcm:
    """By libav, as ffmpeg and browsers do, at SAMPLE_RATE."""
    return decode_at(SAMPLE_RATE, audio_format, encoded)


def decode_at(sample_rate: int, audio_format: AudioFormat, encoded: bytes) -> Pcm:
    """Bare samples are taken to have the rate that the format says."""
    resampler = AudioResampler("s16", "mono", sample_rate)
    told: dict[str, Any] = {}
    if audio_format.is_bare:
        told = {"format": audio_format.container, "options": {"sample_rate": str(audio_format.sample_rate)}}
    with av.open(io.BytesIO(encoded), "r", **told) as container:
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def decode_with_libsndfile(encoded: bytes) -> Pcm:
    """By libsndfile, which decodes MP3 with mpg123 and Ogg Opus with libopus."""
    pcm, sample_rate = soundfile.read(io.BytesIO(encoded), dtype="int16")
    assert sample_rate == SAMPLE_RATE
    return np.asarray(pcm, np.int16)
