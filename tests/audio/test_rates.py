"""Sample rates and bit rates: what is asked for is what comes, and what cannot be had is refused by name."""

from __future__ import annotations

import io
import math
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audio.choice import bit_rates, choose_format, sample_rates
from gateway.audio.encoder import StreamingEncoder
from gateway.audio.formats import FORMATS, AudioFormat
from gateway.audio.resample import Resampler
from gateway.audio.shape import Pcm
from shared.errors import InvalidValue
from tests.audio.listening import SAMPLE_RATE, decode_at, save, split, stream

TONE_HZ = 440
QUIET = 6_000
"""A quarter of a second, as Kokoro begins: even AAC at 8 kHz then leaves its priming out."""

SOME_RATES = (8_000, 11_025, 12_000, 24_000, 44_100, 48_000)
FRAMES = {"mp3": 1_152, "aac": 1_024, "m4a": 1_024}
"""Samples in a codec frame, whatever the rate; Opus has 20 ms."""

every_choice = pytest.mark.parametrize(
    "chosen",
    [choose_format(name, rate) for name in FORMATS for rate in SOME_RATES if rate in sample_rates(name)],
    ids=lambda form: f"{form.name}-{form.sample_rate}",
)


def tone(num_samples: int, hz: float = TONE_HZ, quiet: int = QUIET) -> Pcm:
    pcm = np.asarray(8_000 * np.sin(2 * np.pi * hz / SAMPLE_RATE * np.arange(num_samples)), np.int16)
    pcm[:quiet] = 0
    return pcm


def pitch(pcm: Pcm, sample_rate: int) -> float:
    middle = pcm[len(pcm) // 3 : len(pcm) * 9 // 10]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return float(np.argmax(spectrum)) * sample_rate / len(middle)


def onset(pcm: Pcm) -> int:
    return int(np.argmax(np.abs(pcm.astype(int)) > 1_000))


def frame_samples(form: AudioFormat) -> int:
    if form.codec == "libopus":
        return form.sample_rate // 50
    return FRAMES.get(form.name, 0)


@every_choice
def test_length_onset_and_pitch_are_those_of_the_input(chosen: AudioFormat, tmp_path: Path) -> None:
    pcm, rate = tone(36_011), chosen.sample_rate
    ratio = rate / SAMPLE_RATE
    for encoded in (stream(chosen, split(pcm, 7_777)), save(chosen, split(pcm), tmp_path)):
        decoded = decode_at(rate, chosen, encoded)
        assert -1 < len(decoded) - len(pcm) * ratio < frame_samples(chosen) + 1
        assert abs(onset(decoded) - onset(pcm) * ratio) < 0.004 * rate
        assert pitch(decoded, rate) == pytest.approx(TONE_HZ, abs=2)


@every_choice
def test_the_rate_is_the_one_that_was_asked_for(chosen: AudioFormat) -> None:
    if chosen.is_bare:
        bytes_per_sample = 2 if chosen.name == "pcm" else 1
        assert len(stream(chosen, [tone(SAMPLE_RATE)])) == chosen.sample_rate * bytes_per_sample
        return
    with av.open(io.BytesIO(stream(chosen, [tone(SAMPLE_RATE)])), "r") as container:
        # Opus always decodes at 48 kHz (RFC 7845).
        assert container.streams.audio[0].rate == (48_000 if chosen.codec == "libopus" else chosen.sample_rate)


@every_choice
def test_the_resampler_adds_next_to_nothing_to_what_is_held_back(chosen: AudioFormat) -> None:
    def held_ms(input_rate: int) -> float:
        pcm = np.zeros(input_rate, np.int16)
        with StreamingEncoder(chosen, input_rate) as encoder:
            return 1000 - 1000 * len(decode_at(chosen.sample_rate, chosen, encoder.write(pcm))) / chosen.sample_rate

    frame_ms = 1000 * frame_samples(chosen) / chosen.sample_rate
    assert held_ms(SAMPLE_RATE) <= held_ms(chosen.sample_rate) + frame_ms + 2.5


@pytest.mark.parametrize("name", FORMATS)
def test_the_cut_of_the_chunks_cannot_be_heard(name: str) -> None:
    chosen = choose_format(name, 8_000)
    pcm = tone(30_000)
    cut, whole = (decode_at(8_000, chosen, stream(chosen, chunks)) for chunks in (split(pcm, 577), [pcm]))
    assert np.array_equal(cut, whole)


class TestResampler:
    @pytest.mark.parametrize("to_rate", [8_000, 8_001, 11_025, 22_050, 32_000, 44_100, 48_000])
    @pytest.mark.parametrize("hz", [300, 3_000])
    def test_a_tone_stays_what_it_was(self, to_rate: int, hz: float) -> None:
        resampled = resample(to_rate, tone(30_011, hz, quiet=0), 577)
        assert abs(len(resampled) - 30_011 * to_rate / SAMPLE_RATE) < 1
        ideal = 8_000 * np.sin(2 * np.pi * hz / to_rate * np.arange(len(resampled)))
        inner = slice(100, -100)
        noise = resampled[inner] - ideal[inner]
        assert 10 * math.log10(np.mean(ideal[inner] ** 2) / np.mean(noise**2)) > 75

    def test_what_the_lower_rate_cannot_hold_is_filtered_out(self) -> None:
        resampled = resample(8_000, tone(24_000, hz=6_000, quiet=0), 24_000)
        assert np.abs(resampled[100:-100].astype(int)).max() < 8

    @settings(max_examples=30, deadline=None)
    @given(
        to_rate=st.integers(8_000, 48_000),
        # No chunk's audio is shorter than the filter.
        sizes=st.lists(st.integers(0, 2_000), min_size=1, max_size=20).filter(lambda sizes: sum(sizes) >= 100),
    )
    def test_any_cut_gives_the_same(self, to_rate: int, sizes: list[int]) -> None:
        pcm = tone(sum(sizes), quiet=0)
        resampler = Resampler(SAMPLE_RATE, to_rate)
        pieces = [resampler.write(piece) for piece in np.split(pcm, np.cumsum(sizes))]
        cut = np.concatenate([*pieces, resampler.close()])
        assert np.array_equal(cut, resample(to_rate, pcm, len(pcm)))
        assert abs(len(cut) - len(pcm) * to_rate / SAMPLE_RATE) < 1

    @pytest.mark.parametrize("to_rate", [8_000, 16_000, 44_100])
    def test_it_looks_two_milliseconds_ahead(self, to_rate: int) -> None:
        first = Resampler(SAMPLE_RATE, to_rate).write(tone(SAMPLE_RATE))
        assert 0 <= 1000 - 1000 * len(first) / to_rate < 2.2


def resample(to_rate: int, pcm: Pcm, size: int) -> Pcm:
    resampler = Resampler(SAMPLE_RATE, to_rate)
    return np.concatenate([*(resampler.write(piece) for piece in split(pcm, size)), resampler.close()])


class TestChoice:
    @pytest.mark.parametrize(
        ("name", "default_rate", "rate", "bit_rate"),
        [
            ("mp3", 24_000, 24_000, 96_000), ("mp3", 8_000, 8_000, 64_000), ("mp3", 9_000, 11_025, 64_000),
            ("mp3", 48_000, 48_000, 96_000), ("opus", 24_000, 24_000, 48_000), ("opus", 44_100, 48_000, 48_000),
            ("webm", 22_050, 24_000, 48_000), ("aac", 8_000, 8_000, 48_000), ("m4a", 24_000, 24_000, 96_000),
            ("wav", 44_100, 44_100, None), ("flac", 9_001, 9_001, None), ("pcm", 16_000, 16_000, None),
            ("mulaw", 24_000, 8_000, None), ("alaw", 48_000, 8_000, None),
        ],
    )  # fmt: skip
    def test_defaults(self, name: str, default_rate: int, rate: int, bit_rate: int | None) -> None:
        chosen = choose_format(name, default_rate=default_rate)
        assert (chosen.sample_rate, chosen.bit_rate) == (rate, bit_rate)

    @pytest.mark.parametrize(
        ("name", "rate", "reason"),
        [
            ("opus", 44_100, "opus can have 8000, 12000, 16000, 24000 or 48000 Hz, not 44100"),
            ("webm", 22_050, "webm can have 8000, 12000"),
            ("mp3", 9_000, "mp3 can have 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 or 48000 Hz"),
            ("aac", 47_999, "aac can have"),
            ("m4a", 8_001, "m4a can have"),
            ("wav", 7_999, "wav can have 8000 to 48000 Hz"),
            ("mulaw", 48_001, "mulaw can have"),
        ],
    )
    def test_rates_that_a_format_cannot_have_are_refused(self, name: str, rate: int, reason: str) -> None:
        with pytest.raises(InvalidValue, match=reason) as caught:
            choose_format(name, rate)
        assert caught.value.param == "sample_rate"

    @pytest.mark.parametrize(
        ("name", "rate", "bit_rate", "reason"),
        [
            ("wav", 24_000, 64_000, "wav has none to choose; mp3, opus, aac, m4a, webm do"),
            ("flac", 24_000, 64_000, "none to choose"),
            ("pcm", 24_000, 384_000, "none to choose"),
            ("mulaw", 8_000, 64_000, "none to choose"),
            ("alaw", 8_000, 64_000, "none to choose"),
            ("mp3", 8_000, 96_000, "mp3 at 8000 Hz can have 16000, 24000, .* or 64000 bit/s, not 96000"),
            ("mp3", 24_000, 100_000, "not 100000"),
            ("mp3", 24_000, 320_000, "or 160000 bit/s"),
            ("mp3", 48_000, 24_000, "32000, 40000"),
            ("opus", 24_000, 5_999, "6000 to 256000"),
            ("webm", 24_000, 256_001, "6000 to 256000"),
            ("aac", 8_000, 64_000, "16000 to 48000"),
            ("m4a", 24_000, 144_001, "16000 to 144000"),
        ],
    )
    def test_bit_rates_that_a_format_cannot_have_are_refused(
        self, name: str, rate: int, bit_rate: int, reason: str
    ) -> None:
        with pytest.raises(InvalidValue, match=reason) as caught:
            choose_format(name, rate, bit_rate)
        assert caught.value.param == "bitrate"

    @pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
    def test_every_bit_rate_of_mp3_is_the_one_in_its_frames(self, rate: int) -> None:
        for wanted in bit_rates("mp3", rate):
            with av.open(io.BytesIO(stream(choose_format("mp3", rate, wanted), [tone(SAMPLE_RATE)])), "r") as container:
                assert container.streams.audio[0].bit_rate == wanted

    @pytest.mark.parametrize("name", ["opus", "webm", "aac"])
    def test_more_bits_make_more_bytes(self, name: str) -> None:
        noise = np.random.default_rng(0).integers(-4_000, 4_000, 2 * SAMPLE_RATE).astype(np.int16)
        for wanted in (32_000, 64_000, 128_000):
            encoded = stream(choose_format(name, 24_000, wanted), [noise])
            assert len(encoded) * 8 / 2 == pytest.approx(wanted, rel=0.35, abs=16_000)  # abs: the container's own

    @pytest.mark.parametrize(
        ("name", "rate", "media_type"),
        [
            ("pcm", 16_000, "audio/pcm;rate=16000;channels=1"),
            ("mulaw", 8_000, "audio/basic"),
            ("mulaw", 16_000, "audio/PCMU;rate=16000;channels=1"),
            ("alaw", 16_000, "audio/PCMA;rate=16000;channels=1"),
            ("wav", 16_000, "audio/wav"),
        ],
    )
    def test_bare_samples_have_their_rate_in_the_media_type(self, name: str, rate: int, media_type: str) -> None:
        assert choose_format(name, rate).media_type == media_type
