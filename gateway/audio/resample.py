"""From one sample rate to another, through libswresample (PyAV)."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray


class Resampler:
    """Converts int16 mono pcm piece by piece, as if it had come in one.

    libswresample's polyphase filter looks 16 samples of the lower rate ahead (2 ms at 8 kHz), which is what it holds
    back until ``close``; it delays nothing. The length is exact but for rounding, unless the whole input is shorter
    than the filter (94 samples from 24 to 8 kHz), when some of it is missing.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        """Both in Hz."""
        self._from_rate = from_rate
        self._num_samples = 0
        self._libav = AudioResampler("s16", "mono", to_rate)

    def write(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """What ``pcm`` (shape (n,), int16) makes audible so far: shape (m,), int16."""
        if not pcm.size:
            return pcm
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = self._from_rate
        frame.time_base = Fraction(1, self._from_rate)
        frame.pts = self._num_samples
        self._num_samples += pcm.size
        return _joined(self._libav.resample(frame))

    def close(self) -> NDArray[np.int16]:
        """The rest, shape (m,), int16. The resampler is of no use afterwards."""
        return _joined(self._libav.resample(None)) if self._num_samples else np.zeros(0, np.int16)


def _joined(frames: list[av.AudioFrame]) -> NDArray[np.int16]:
    return np.concatenate([np.zeros(0, np.int16), *(frame.to_ndarray()[0] for frame in frames)])
