"""What a graph says, and what ears make of it, kept on disk by the hash of the graph: nothing is done twice.

A run that is broken off goes on where it stopped, and the float32 side of every comparison is done once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime

from bench.corpus import Line
from bench.ears import Listener, for_ears, opinion, word_errors, words
from worker.engine.base import Engine, EngineError, EngineJob, Speech
from worker.model.files import sha256_of


@dataclass(frozen=True, slots=True)
class Scores:
    """What ears make of one clip."""

    text: str
    heard: str
    word_errors: int
    p808: float
    ovrl: float


@dataclass(frozen=True, slots=True)
class Recording:
    """One line of the corpus in one voice."""

    voice: str
    speech: Speech
    scores: Scores


class Recordings:
    """The clips of one graph, which is only loaded, and ``ears`` only asked, for what ``folder`` does not hold."""

    def __init__(self, graph: Path, load: Callable[[Path], Engine], ears: Listener, cache: Path) -> None:
        self.folder = cache / f"{graph_digest(graph)}-ort{onnxruntime.__version__}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._graph = graph
        self._load = load
        self._ears = ears

    @cached_property
    def _engine(self) -> Engine:
        return self._load(self._graph)

    def recording(self, line: Line, voice: str, job: EngineJob) -> Recording:
        """``line`` spoken and heard. Raises EngineError when the graph cannot say it."""
        speech = self.speech(line, voice, job)
        path = self.folder / f"{voice}-{_digest(line, job)}.json"
        return Recording(voice, speech, self._scores(path, line, speech))

    def speech(self, line: Line, voice: str, job: EngineJob) -> Speech:
        """``line`` spoken. Raises EngineError when the graph cannot say it."""
        path = self.folder / f"{voice}-{_digest(line, job)}.npz"
        if path.is_file():
            with np.load(path) as saved:
                return Speech(pcm=saved["pcm"], durations=saved["durations"])
        (speech,) = self._engine.synthesise([job])
        if isinstance(speech, EngineError):
            raise speech
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, pcm=speech.pcm, durations=speech.durations)
        partial.rename(path)
        return speech

    def _scores(self, path: Path, line: Line, speech: Speech) -> Scores:
        if path.is_file():
            return Scores(**json.loads(path.read_text(encoding="utf-8")))
        samples = for_ears(speech.pcm)
        heard, mos = self._ears.hear(samples), opinion(samples)
        errors = word_errors(words(line.text), words(heard))
        scores = Scores(line.text, heard, errors, mos.p808, mos.ovrl)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({name: getattr(scores, name) for name in Scores.__slots__}), encoding="utf-8")
        partial.rename(path)
        return scores


def graph_digest(graph: Path) -> str:
    """Of the graph and of the files beside it that bear its name: its weights may lie outside it."""
    if not graph.is_file():
        raise EngineError(f"there is no graph {graph}")
    beside = sorted(path for path in graph.parent.glob(f"{graph.stem}.*") if path != graph)
    return "+".join(sha256_of(path)[:12] for path in (graph, *beside))


def _digest(line: Line, job: EngineJob) -> str:
    """All that decides how a clip sounds, and what it should be heard as."""
    parts = (line.text.encode(), repr((job.token_ids, job.speed)).encode(), job.style.tobytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
