"""Which sample rates and bit rates a format can have, and the format as a request wants it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from gateway.audio.formats import FORMATS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, NATIVE_RATE, AudioFormat, audio_format
from shared.errors import InvalidValue

_MPEG_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG_2 = (24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG_2_5 = (16, 24, 32, 40, 48, 56, 64)
# ISO/IEC 11172-3 and 13818-3, kbit/s. Their lowest rates are left out: a frame that has not the room for an info frame
# (72 bytes) cannot announce the encoder's delay (lead_in.py), and below them LAME is hardly to be understood.

_OPUS = range(6_000, 256_001)
"""Of one channel; libopus refuses more, and below 6 kbit/s (RFC 6716) speech falls apart."""

_MIN_AAC = 16_000
_AAC_BITS_PER_SAMPLE = 6
"""ISO/IEC 14496-3: a channel's frame of 1024 samples holds at most 6144 bits."""


def sample_rates(name: str) -> Sequence[int]:
    """Sample rates, in Hz, that the format called ``name`` can have, in order. Raises UnknownFormatError."""
    return audio_format(name).sample_rates or range(MIN_SAMPLE_RATE, MAX_SAMPLE_RATE + 1)


def bit_rates(name: str, sample_rate: int) -> Sequence[int]:
    """Bit rates, in bit/s, that the format can have at ``sample_rate``, in order; empty where there is no choice."""
    match audio_format(name).codec:
        case "libmp3lame":
            table = _MPEG_1 if sample_rate >= 32_000 else _MPEG_2 if sample_rate >= 16_000 else _MPEG_2_5
            return [1000 * rate for rate in table]
        case "aac":
            return range(_MIN_AAC, _AAC_BITS_PER_SAMPLE * sample_rate + 1)
        case "libopus":
            return _OPUS
    return ()


def choose_format(
    name: str, sample_rate: int | None = None, bit_rate: int | None = None, default_rate: int = NATIVE_RATE
) -> AudioFormat:
    """The format called ``name`` at the rates asked for.

    sample_rate: in Hz; None: ``default_rate``, or where the format has not got that the next above it, or its highest;
    telephone formats then have their own. bit_rate: in bit/s; None: the format's own, or the most that it can have at
    this sample rate. Raises InvalidValue that names ``sample_rate`` or ``bitrate``, UnknownFormatError.
    """
    form = audio_format(name)
    rate = _default_rate(form, default_rate) if sample_rate is None else _known_rate(form, sample_rate)
    return replace(form, sample_rate=rate, bit_rate=_bit_rate(form, rate, bit_rate))


def _default_rate(form: AudioFormat, wanted: int) -> int:
    if form.sample_rate != NATIVE_RATE:
        return form.sample_rate
    rates = sample_rates(form.name)
    return rates[min(bisect_left(rates, wanted), len(rates) - 1)]


def _known_rate(form: AudioFormat, rate: int) -> int:
    rates = sample_rates(form.name)
    if rate in rates:
        return rate
    raise InvalidValue(f"sample_rate: {form.name} can have {_spelled(rates)} Hz, not {rate}.", param="sample_rate")


def _bit_rate(form: AudioFormat, sample_rate: int, wanted: int | None) -> int | None:
    rates = bit_rates(form.name, sample_rate)
    if wanted is None:
        return form.bit_rate and min(form.bit_rate, rates[-1])
    if not rates:
        choosable = [name for name, each in FORMATS.items() if each.bit_rate]
        raise InvalidValue(f"bitrate: {form.name} has none to choose; {', '.join(choosable)} do.", param="bitrate")
    if wanted in rates:
        return wanted
    raise InvalidValue(
        f"bitrate: {form.name} at {sample_rate} Hz can have {_spelled(rates)} bit/s, not {wanted}.", param="bitrate"
    )


def _spelled(rates: Sequence[int]) -> str:
    if isinstance(rates, range):
        return f"{rates[0]} to {rates[-1]}"
    return f"{', '.join(str(rate) for rate in rates[:-1])} or {rates[-1]}"
