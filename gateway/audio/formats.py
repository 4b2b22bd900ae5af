"""The answers to ``response_format``: which codec and container each stands for, and how it is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 8_000, 48_000
NATIVE_RATE = 24_000
"""What the model speaks at."""

TELEPHONE_RATE = 8_000

_MPEG_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)


class UnknownFormatError(ValueError):
    """The name stands for no audio format."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One output format. ``codec`` and ``container`` are libav names; options go to libav with ``{rate}`` filled in.

    ``encoder_delay``: samples of priming that the encoder puts before the audio. Most containers state it, so
    that decoders skip it; where one does not, ``delay_in_stream`` or ``delay_in_file`` is false and the encoder
    has to deal with it (``lead_in.py``). ``is_bare``: samples without a header, whose rate only the media type tells.
    """

    name: str
    essence: str  # the media type without parameters
    extension: str
    codec: str
    container: str
    sample_rate: int = NATIVE_RATE  # Hz
    sample_rates: tuple[int, ...] = ()  # those that the codec knows; empty: any
    bit_rate: int | None = None  # bit/s; None where there is none to choose
    is_bare: bool = False
    encoder_delay: int = 0
    delay_in_stream: bool = True
    delay_in_file: bool = True
    codec_options: Mapping[str, str] = field(default_factory=dict)
    stream_options: Mapping[str, str] = field(default_factory=dict)
    file_options: Mapping[str, str] = field(default_factory=dict)
    tag_options: Mapping[str, str] = field(default_factory=dict)  # of files that have a title or chapters
    max_file_samples: int | None = None

    @property
    def media_type(self) -> str:
        """The content type; of bare samples with their rate, as RFC 4856 writes it."""
        if self.essence == "audio/PCMU" and self.sample_rate == TELEPHONE_RATE:
            return "audio/basic"  # RFC 2046: exactly this, 8-bit mu-law of one channel at 8 kHz
        return f"{self.essence};rate={self.sample_rate};channels=1" if self.is_bare else self.essence


# Bit rates: mono speech at 24 kHz. Measured on Kokoro speech, the log-spectral distance to the input stays under
# 1 dB up to 10 kHz from 96 kb/s on (mp3, aac) and from 48 kb/s on (opus); 128 kb/s gains another 0.1 dB only.
_FORMATS = (
    AudioFormat(
        name="mp3",
        essence="audio/mpeg",
        extension="mp3",
        codec="libmp3lame",
        container="mp3",
        sample_rates=_MPEG_RATES,
        bit_rate=96_000,
        encoder_delay=576 + 529,  # lame_get_encoder_delay() + the decoder's own delay; libavcodec/libmp3lame.c
        delay_in_stream=False,
        # Without a bit reservoir any frame can be the first one; at 96 kb/s that costs nothing measurable.
        # Level 7 is twice as fast as the default 5 and, on our speech, no farther from the input.
        codec_options={"reservoir": "0", "compression_level": "7"},
        stream_options={"write_xing": "0", "id3v2_version": "0"},
        file_options={"id3v2_version": "0"},
        tag_options={"id3v2_version": "3"},  # the version that all players read
    ),
    AudioFormat(
        name="opus",
        essence="audio/opus",
        extension="opus",
        codec="libopus",
        container="ogg",
        sample_rates=_OPUS_RATES,
        bit_rate=48_000,
        # Level 5 takes a third of the time of 10 and keeps to CELT, which is nearer to the input at this rate.
        codec_options={"compression_level": "5"},
        # One packet to a page (µs): the muxer holds back the last page, and so 20 ms instead of a second.
        stream_options={"page_duration": "20000"},
    ),
    AudioFormat(
        name="aac",
        essence="audio/aac",
        extension="aac",
        codec="aac",
        container="adts",
        sample_rates=_MPEG_RATES,
        bit_rate=96_000,
        encoder_delay=1024,  # libavcodec/aacenc.c
        delay_in_stream=False,
        delay_in_file=False,
        # A fifth of the time of "twoloop", and at 96 kb/s as near to the input.
        codec_options={"aac_coder": "fast"},
    ),
    AudioFormat(
        name="flac",
        essence="audio/flac",
        extension="flac",
        codec="flac",
        container="flac",
        stream_options={"metadata_header_padding": "0"},
        file_options={"metadata_header_padding": "0"},
    ),
    AudioFormat(
        name="wav",
        essence="audio/wav",
        extension="wav",
        codec="pcm_s16le",
        container="wav",
        # bitexact leaves out the LIST chunk: a 44-byte header, as naive readers expect.
        stream_options={"fflags": "+bitexact"},
        file_options={"fflags": "+bitexact"},
        max_file_samples=(0xFFFFFFFF - 36) // 2,  # RIFF sizes are 32 bits wide
    ),
    AudioFormat(name="pcm", essence="audio/pcm", extension="pcm", codec="pcm_s16le", container="s16le", is_bare=True),
    AudioFormat(
        name="m4a",
        essence="audio/mp4",
        extension="m4a",
        codec="aac",
        container="ipod",
        sample_rates=_MPEG_RATES,
        bit_rate=96_000,
        encoder_delay=1024,
        codec_options={"aac_coder": "fast"},
        # delay_moov: the edit list that skips the priming is only written when the first packet is known.
        stream_options={
            "movflags": "+frag_every_frame+empty_moov+delay_moov+default_base_moof",
            "movie_timescale": "{rate}",
        },
        file_options={"movflags": "+faststart", "movie_timescale": "{rate}"},
    ),
    AudioFormat(
        name="webm",
        essence="audio/webm;codecs=opus",  # as a browser's MediaSource wants to be told
        extension="webm",
        codec="libopus",
        container="webm",
        sample_rates=_OPUS_RATES,
        bit_rate=48_000,
        codec_options={"compression_level": "5"},
        # A cluster for every packet (ms), since the muxer holds one back; costs as much as Ogg's pages do.
        stream_options={"cluster_time_limit": "20", "fflags": "+bitexact"},
        file_options={"fflags": "+bitexact"},
    ),
    AudioFormat(
        name="mulaw",
        essence="audio/PCMU",
        extension="ulaw",
        codec="pcm_mulaw",
        container="mulaw",
        sample_rate=TELEPHONE_RATE,
        is_bare=True,
    ),
    AudioFormat(
        name="alaw",
        essence="audio/PCMA",
        extension="alaw",
        codec="pcm_alaw",
        container="alaw",
        sample_rate=TELEPHONE_RATE,
        is_bare=True,
    ),
)

FORMATS: Mapping[str, AudioFormat] = MappingProxyType({one.name: one for one in _FORMATS})
"""By name, each as it is where a request asks for nothing else."""

_M4B = replace(FORMATS["m4a"], name="m4b", extension="m4b")
"""An m4a that players take for an audiobook: they show its chapters, and remember the place."""

FILE_FORMATS: Mapping[str, AudioFormat] = MappingProxyType({**FORMATS, "m4b": _M4B})
"""Of files alone; a stream of an audiobook is an m4a."""

MEDIA_TYPES = tuple(dict.fromkeys(kind for one in _FORMATS for kind in (one.essence, one.media_type)))
"""All that an answer's content type may be, but for the rates of bare samples."""


def audio_format(name: str) -> AudioFormat:
    """The format that OpenAI's ``response_format`` calls ``name``; UnknownFormatError if there is none."""
    try:
        return FILE_FORMATS[name]
    except KeyError:
        raise UnknownFormatError(f"unknown audio format {name!r}; known: {', '.join(FORMATS)}") from None
