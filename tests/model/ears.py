"""What the ears are given: any of the seven formats, decoded."""

from __future__ import annotations

import io

import av
import numpy as np
from numpy.typing import NDArray

from bench.ears import KOKORO_HZ, WHISPER_HZ, resampled


def decode(audio: bytes, form: str, rate: int = WHISPER_HZ) -> NDArray[np.float32]:
    """Any of the seven formats as float32 mono at ``rate``; pcm is s16le at 24 kHz."""
    if form == "pcm":
        frame = av.AudioFrame.from_ndarray(np.frombuffer(audio, "<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = KOKORO_HZ
        return resampled([frame], rate)
    with av.open(io.BytesIO(audio), "r") as container:
        return resampled(list(container.decode(container.streams.audio[0])), rate)
