"""Word timings against Whisper's: text frontend and model say when each word is spoken, Whisper when it is heard.

    python -m bench.timings                              32 sentences, four voices in turn
    python -m bench.timings --sentences 64 --voices af_heart --speed 1.3

Prints how far apart the starts of words are, Whisper's less ours, in ms: for all, for a sentence's first word and for
all others. Whisper counts in steps of 20 ms, and puts a first word at the very beginning.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.corpus import LANGUAGE_BY_LETTER, SENTENCES, corpus
from bench.ears import Ears, for_ears, words
from gateway.audio.gaps import Gaps
from gateway.audio.shape import fade_edges
from gateway.text.chunker import ChunkLimits
from gateway.text.core import chunk_text
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from gateway.timings import Timeline, WordTiming
from worker.engine.base import SAMPLE_RATE, Engine, EngineError, EngineJob
from worker.engine.onnx import OnnxEngine
from worker.model.sources import ModelStore
from worker.voices import StyleSource, VoicePacks

VOICES = ("af_heart", "am_michael", "bf_emma", "bm_george")


class Heard(NamedTuple):
    """A word as Whisper writes it, in lower case, from ``start`` to ``end`` seconds."""

    word: str
    start: float
    end: float


class Stopwatch(Ears):
    """Ears that also say when."""

    def hear_words(self, samples: NDArray[np.float32]) -> list[Heard]:
        """The words in float32 mono at 16 kHz, numbers spelt out; one that is several begins with the first of them."""
        segments, _ = self._model.transcribe(
            samples,
            language="en",
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
        )
        return [
            Heard(each, word.start, word.end)
            for segment in segments
            for word in segment.words
            for each in words(word.word)[:1]
        ]


@dataclass(frozen=True, slots=True)
class Performance:
    """A text as the gateway sends it."""

    text: str
    pcm: NDArray[np.int16]
    words: tuple[WordTiming, ...]

    @property
    def seconds(self) -> float:
        return len(self.pcm) / SAMPLE_RATE


class Stage:
    """Everything from text to timed audio but the queue between."""

    def __init__(self, engine: Engine, styles: StyleSource, g2ps: Mapping[Language, G2P]) -> None:
        self._engine = engine
        self._styles = styles
        self._g2ps = g2ps

    def perform(self, text: str, voice: str, speed: float = 1.0, limits: ChunkLimits | None = None) -> Performance:
        """``text`` in ``voice``, English. Raises EngineError, and what the text frontend raises."""
        language = Language(LANGUAGE_BY_LETTER[voice[0]])
        timeline, heard, timed = Timeline(text), [], []
        for chunk in chunk_text(text, self._g2ps[language], limits, language=language):
            style = self._styles.style([(voice, 1.0)], len(chunk.token_ids))
            [speech] = self._engine.synthesise([EngineJob(chunk.token_ids, style, speed, seed=0)])
            if isinstance(speech, EngineError):
                raise speech
            kept = Gaps().keep(speech.pcm, SAMPLE_RATE, chunk.phonemes, speed)
            heard.append(fade_edges(speech.pcm[kept.first : kept.end], SAMPLE_RATE))
            timed += timeline.add(chunk, speech.durations.tolist(), speech.pcm, kept)
        return Performance(text, np.concatenate(heard), (*timed, *timeline.finish()))


class Difference(NamedTuple):
    """Of one word that both have."""

    place: int
    """Among the words of the text, from 0."""
    start_s: float
    """Whisper's start less ours."""


def differences(performance: Performance, heard: Sequence[Heard]) -> list[Difference]:
    """Of the words that Whisper heard right, which it aligns with ours as diff does."""
    ours = [
        (place, each, timing.start)
        for place, timing in enumerate(performance.words)
        for each in words(timing.spoken or timing.word)[:1]
    ]
    matcher = SequenceMatcher(None, [each for _, each, _ in ours], [each.word for each in heard], autojunk=False)
    return [
        Difference(ours[mine][0], heard[theirs].start - ours[mine][2])
        for block in matcher.get_matching_blocks()
        for mine, theirs in zip(range(block.a, block.a + block.size), range(block.b, block.b + block.size), strict=True)
    ]


def open_stage(model_dir: Path, voices_dir: Path | None = None) -> Stage:
    """With the model in ``model_dir``. Raises ModelUnavailable and EngineError."""
    from gateway.text.english import load_english

    voices = voices_dir or model_dir / "voices"
    engine = OnnxEngine(ModelStore(model_dir, voices).onnx_path())
    return Stage(engine, VoicePacks(voices), load_english())


def summary(name: str, found: Sequence[Difference]) -> str:
    milliseconds = np.array([each.start_s for each in found]) * 1000
    low, middle, high = np.percentile(milliseconds, [10, 50, 90])
    spread = f"p10 {low:5.0f}  p50 {middle:5.0f}  p90 {high:5.0f}"
    return f"{name:<8}{len(found):5} words  median |difference| {np.median(np.abs(milliseconds)):4.0f} ms  {spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=32)
    parser.add_argument("--voices", nargs="+", default=list(VOICES))
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--model-dir", type=Path, default=Path(os.environ.get("MODEL_DIR", "models")))
    options = parser.parse_args()
    stage, ears = open_stage(options.model_dir), Stopwatch()
    found: list[Difference] = []
    for number, line in enumerate(corpus(SENTENCES)[: options.sentences]):
        performance = stage.perform(line.text, options.voices[number % len(options.voices)], options.speed)
        found += differences(performance, ears.hear_words(for_ears(performance.pcm)))
    print(summary("all", found))
    print(summary("first", [each for each in found if each.place == 0]))
    print(summary("others", [each for each in found if each.place > 0]))


if __name__ == "__main__":
    main()
