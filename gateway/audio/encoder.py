"""From pcm to packets, in process, through libav (PyAV).

``StreamingEncoder`` returns bytes as soon as the codec has them and never goes back; ``FileEncoder`` writes a
file whose headers state sizes and durations exactly. Both take pcm chunk by chunk and hold a few codec frames.
libav works without the GIL, so encoders may run in threads side by side; one encoder belongs to one at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fractions import Fraction
from types import TracebackType
from typing import Any, Self, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from gateway.audio.chapters import Tags, write_tags
from gateway.audio.formats import AudioFormat
from gateway.audio.lead_in import LeadIn
from gateway.audio.resample import Resampler
from shared.errors import InputTooLarge


class _Outbox:
    """A sink that cannot seek, for libav to write to."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def write(self, packet: bytes) -> int:
        self._pending += packet
        return len(packet)

    def take(self) -> bytes:
        taken = bytes(self._pending)
        self._pending.clear()
        return taken


class _Encoder:
    """One codec and one muxer; a context manager that frees both, also when the audio never comes to its end."""

    def __init__(
        self,
        audio_format: AudioFormat,
        input_rate: int,
        target: _Outbox | str,
        options: Mapping[str, str],
        *,
        max_samples: int | None = None,
        tags: Tags | None = None,
    ) -> None:
        self._format = audio_format
        self._rate = audio_format.sample_rate
        self._time_base = Fraction(1, self._rate)
        self._resampler = None if input_rate == self._rate else Resampler(input_rate, self._rate)
        self._max_samples = max_samples
        self._num_samples = 0
        self._lead_in: LeadIn | None = None
        self._is_open = True
        self._container = av.open(
            target,
            "w",
            format=audio_format.container,
            # Without flush_packets libav keeps up to 32 KiB to itself: seconds of audio.
            container_options={
                "flush_packets": "1",
                **{name: value.format(rate=self._rate) for name, value in options.items()},
            },
        )
        try:
            self._stream = self._open_codec(tags)
        except BaseException:
            self._release()
            raise

    def _open_codec(self, tags: Tags | None) -> AudioStream:
        stream = cast(
            "AudioStream",
            self._container.add_stream(
                self._format.codec, rate=self._rate, layout="mono", options=dict(self._format.codec_options)
            ),
        )
        if self._format.bit_rate is not None:
            stream.bit_rate = self._format.bit_rate
        if tags:
            write_tags(self._container, tags, self._rate)
        self._container.start_encoding()
        return stream

    def _mind_the_lead_in(self) -> None:
        """Set this encoder up for a container that cannot say how much priming the codec puts first."""
        delay = self._format.encoder_delay
        # Filled up to whole frames, so that leaving out frames leaves out priming and no audio.
        num_zeros = -delay % self._stream.codec_context.frame_size
        self._lead_in = LeadIn(delay, has_info_frame=self._format.container == "mp3")
        self._encode(np.zeros(num_zeros, np.int16), pts=-num_zeros)

    def _feed(self, pcm: NDArray[np.int16]) -> None:
        if not self._is_open:
            raise ValueError("write to a closed encoder")
        if pcm.dtype != np.int16 or pcm.ndim != 1:
            raise ValueError(f"pcm must be one-dimensional int16, not {pcm.ndim}-dimensional {pcm.dtype}")
        self._take(self._resampler.write(pcm) if self._resampler else pcm)

    def _take(self, pcm: NDArray[np.int16]) -> None:
        """Encode pcm that has the format's rate."""
        if self._max_samples is not None and self._num_samples + pcm.size > self._max_samples:
            hours = self._max_samples / self._rate / 3600
            raise InputTooLarge(
                f"a {self._format.name} file holds at most {hours:.1f} hours of audio; "
                "ask for another format, or for a stream",
                param="response_format",
            )
        if self._lead_in:
            self._lead_in.hear(pcm)
        self._encode(pcm, pts=self._num_samples)
        self._num_samples += pcm.size

    def _encode(self, pcm: NDArray[np.int16], pts: int) -> None:
        if not pcm.size:
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = self._rate
        frame.time_base = self._time_base
        frame.pts = pts
        self._mux(self._stream.encode(frame))

    def _mux(self, packets: Iterable[av.Packet[Any]]) -> None:
        for packet in packets:
            if packet.size and not packet.duration:
                continue  # LAME's flush may end with a frame that holds no audio
            self._container.mux(list(self._lead_in.admit(packet)) if self._lead_in else packet)

    def _finish(self) -> None:
        if not self._is_open:
            raise ValueError("close of a closed encoder")
        try:
            if self._resampler:
                self._take(self._resampler.close())
            self._mux(self._stream.encode(None))
        finally:
            self._release()

    def _release(self) -> None:
        self._is_open = False
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()


class StreamingEncoder(_Encoder):
    """Encodes as audio arrives, for a reader that is already listening: bytes once returned are never revised.

    Where a header would state the total length it says "unknown", as each container provides for.
    """

    def __init__(self, audio_format: AudioFormat, input_rate: int) -> None:
        """``input_rate``: of the pcm to come, in Hz; it is resampled to the format's own, where they differ.

        Raises av.error.FFmpegError if the codec does not know the format's rate.
        """
        self._outbox = _Outbox()
        super().__init__(audio_format, input_rate, self._outbox, audio_format.stream_options)
        if not audio_format.delay_in_stream:
            self._mind_the_lead_in()

    def write(self, pcm: NDArray[np.int16]) -> bytes:
        """Encode mono ``pcm`` (shape (n,), int16, any n) and return all that the codec and muxer have ready.

        Raises ValueError for another shape or dtype and after close(), av.error.FFmpegError if libav fails.
        """
        self._feed(pcm)
        return self._outbox.take()

    def close(self) -> bytes:
        """The rest: what the codec held back and the container's end. The encoder is of no use afterwards.

        Raises ValueError if it was closed before, av.error.FFmpegError if libav fails.
        """
        self._finish()
        return self._outbox.take()


class FileEncoder(_Encoder):
    """Encodes into the file at ``path``, complete and with exact headers once close() has returned."""

    def __init__(
        self, audio_format: AudioFormat, input_rate: int, path: str | os.PathLike[str], tags: Tags | None = None
    ) -> None:
        """``input_rate``: of the pcm to come, in Hz, resampled as a stream's is. An existing file is overwritten.

        tags: what the file says of itself, as far as its format can.

        Raises OSError if it cannot be written, av.error.FFmpegError if the codec does not know the format's rate.
        """
        options = {**audio_format.file_options, **(audio_format.tag_options if tags else {})}
        most = audio_format.max_file_samples
        super().__init__(audio_format, input_rate, os.fspath(path), options, max_samples=most, tags=tags)
        if not audio_format.delay_in_file:
            self._mind_the_lead_in()

    def write(self, pcm: NDArray[np.int16]) -> None:
        """Encode mono ``pcm`` (shape (n,), int16, any n).

        Raises ValueError for another shape or dtype and after close(), InputTooLarge if the format's headers
        cannot count that many samples, OSError if the disk is full, av.error.FFmpegError if libav fails.
        """
        self._feed(pcm)

    def close(self) -> None:
        """Write what the codec held back and the final headers. The encoder is of no use afterwards.

        Raises ValueError if it was closed before, OSError if the disk is full, av.error.FFmpegError if libav
        fails.
        """
        self._finish()
