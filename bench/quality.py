"""The quality gate: does one graph speak as well as another?

    python -m bench.quality --graph int8.onnx --against float32.onnx
    python -m bench.quality --graph int8.onnx --against float32.onnx --sentences 8 --voices af_heart

Both say the corpus in every voice; a Whisper counts the words that it mishears, DNSMOS scores the sound. Exits with 1
when the graph's word error rate is more than 0.5 points worse, a mean score more than 0.15 lower, or less than 99 % of
the tokens keep their duration. What has been spoken and heard is kept in ``--cache``: a run that is broken off goes
on where it stopped. Needs the extras ``worker-cpu`` and ``ears``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.corpus import SENTENCES, corpus
from bench.ears import Ears, words
from bench.recordings import Recording, Recordings
from worker.engine.base import SAMPLES_PER_DURATION_UNIT, EngineError, EngineJob, Speech
from worker.engine.onnx import OnnxEngine
from worker.engine.session import SessionSettings
from worker.voices import VoicePacks

VOICES = ("af_heart", "am_michael", "bf_emma", "bm_george")

MAX_ADDED_WORD_ERRORS = 0.005
MAX_MOS_LOSS = 0.15
MIN_SAME_DURATIONS = 0.99

Pair = tuple[Recording, Recording]
"""The same line in the same voice, of the graph in question and of the one it is held against."""


@dataclass(frozen=True, slots=True)
class Side:
    """One graph over all clips."""

    word_error_rate: float
    p808: float
    ovrl: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures that decide."""

    clips: int
    words: int
    graph: Side
    against: Side
    same_durations: float
    """Share of the tokens, boundaries included, whose durations are identical."""
    log_spectral_distance_db: float
    """Mean over clips, over the tokens whose durations are identical."""

    def faults(self) -> list[str]:
        """Why the graph is not good enough; empty when it is."""
        found = []
        if self.graph.word_error_rate - self.against.word_error_rate > MAX_ADDED_WORD_ERRORS:
            found.append(f"word error rate is more than {MAX_ADDED_WORD_ERRORS:.1%} worse")
        if self.against.p808 - self.graph.p808 > MAX_MOS_LOSS:
            found.append(f"DNSMOS P.808 is more than {MAX_MOS_LOSS} lower")
        if self.against.ovrl - self.graph.ovrl > MAX_MOS_LOSS:
            found.append(f"DNSMOS OVRL is more than {MAX_MOS_LOSS} lower")
        if self.same_durations < MIN_SAME_DURATIONS:
            found.append(f"fewer than {MIN_SAME_DURATIONS:.0%} of the tokens keep their duration")
        return found


def compare(pairs: Sequence[Pair]) -> Comparison:
    """Sum up all clips. Raises ValueError when there is none."""
    if not pairs:
        raise ValueError("there is nothing to compare")
    num_words = sum(len(words(graph.scores.text)) for graph, _ in pairs)
    same = [graph.speech.durations == against.speech.durations for graph, against in pairs]
    distances = [_distance_db(graph.speech, against.speech) for graph, against in pairs]
    return Comparison(
        clips=len(pairs),
        words=num_words,
        graph=_side([graph for graph, _ in pairs], num_words),
        against=_side([against for _, against in pairs], num_words),
        same_durations=float(np.concatenate(same).mean()),
        log_spectral_distance_db=float(np.nanmean(distances)),
    )


def _side(recordings: Sequence[Recording], num_words: int) -> Side:
    scores = [recording.scores for recording in recordings]
    return Side(
        word_error_rate=sum(score.word_errors for score in scores) / num_words,
        p808=float(np.mean([score.p808 for score in scores])),
        ovrl=float(np.mean([score.ovrl for score in scores])),
    )


def _distance_db(one: Speech, other: Speech) -> float:
    """Log-spectral distance over the tokens with the same duration; not a number when there are none."""
    same = one.durations == other.durations
    if not same.any():
        return float("nan")
    return log_spectral_distance(_cut(one, same), _cut(other, same))


def _cut(speech: Speech, keep: NDArray[np.bool_]) -> NDArray[np.int16]:
    """The samples of those tokens, end to end."""
    return speech.pcm[np.repeat(keep, speech.durations * SAMPLES_PER_DURATION_UNIT)]


def log_spectral_distance(one: NDArray[np.int16], other: NDArray[np.int16]) -> float:
    """Root mean square difference of log spectra in dB, floored 80 dB below full scale, averaged over frames."""
    difference = _decibels(one) - _decibels(other)
    return float(np.sqrt((difference**2).mean(axis=1)).mean())


def _decibels(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    padded = np.pad(pcm, (0, max(0, 1024 - len(pcm)))) / 32768.0
    frames = np.lib.stride_tricks.sliding_window_view(padded, 1024)[::256] * np.hanning(1024)
    spectra: NDArray[np.float64] = 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)) / 512 + 1e-4)
    return spectra


def pairs(graph: Recordings, against: Recordings, packs: VoicePacks, options: argparse.Namespace) -> Iterator[Pair]:
    """All clips of both graphs, voice by voice within a sentence, so that a short run has heard every voice."""
    for line in corpus(SENTENCES)[: options.sentences]:
        for voice in options.voices:
            ids = line.token_ids(voice)
            job = EngineJob(ids, packs.style([(voice, 1.0)], len(ids)), options.speed, seed=0)
            yield graph.recording(line, voice, job), against.recording(line, voice, job)


def show(pair: Pair) -> None:
    graph, against = pair
    scores, other = graph.scores, against.scores
    line = f"{graph.voice:<10} P.808 {scores.p808:.2f} ({other.p808:.2f})  OVRL {scores.ovrl:.2f} ({other.ovrl:.2f})"
    if scores.word_errors or other.word_errors:
        line += f"  {scores.word_errors} ({other.word_errors}) wrong: {scores.text!r} heard as {scores.heard!r}"
    print(line, flush=True)


def report(comparison: Comparison) -> None:
    graph, against = comparison.graph, comparison.against
    print(f"{comparison.clips} clips, {comparison.words} words; in brackets the graph it is held against")
    print(f"word error rate  {graph.word_error_rate:.2%} ({against.word_error_rate:.2%})")
    print(f"DNSMOS P.808     {graph.p808:.3f} ({against.p808:.3f})")
    print(f"DNSMOS OVRL      {graph.ovrl:.3f} ({against.ovrl:.3f})")
    print(f"same durations   {comparison.same_durations:.2%} of the tokens")
    print(f"log spectra      {comparison.log_spectral_distance_db:.2f} dB apart")


def main() -> None:
    try:
        _judge(_options())
    except EngineError as error:
        sys.exit(str(error))


def _judge(options: argparse.Namespace) -> None:
    ears = Ears(num_threads=options.threads)
    load = partial(OnnxEngine, settings=SessionSettings(num_threads=options.threads))
    graph, against = (Recordings(path, load, ears, options.cache) for path in (options.graph, options.against))
    done = []
    for pair in pairs(graph, against, VoicePacks(options.voices_dir), options):
        show(pair)
        done.append(pair)
    comparison = compare(done)
    report(comparison)
    faults = comparison.faults()
    if options.report:
        options.report.write_text(json.dumps({**asdict(comparison), "faults": faults}, indent=1) + "\n")
    print("\n".join(f"NOT GOOD ENOUGH: {fault}" for fault in faults) or "good enough")
    sys.exit(1 if faults else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    model_dir = Path(os.environ.get("MODEL_DIR", "models"))
    voices_dir = Path(os.environ.get("VOICES_DIR", model_dir / "voices"))
    parser.add_argument("--graph", type=Path, required=True, help="the graph in question")
    parser.add_argument("--against", type=Path, required=True, help="the one that it is held against")
    parser.add_argument("--sentences", type=int, default=len(corpus(SENTENCES)), help="how many, for a quick look")
    parser.add_argument("--voices", nargs="+", default=list(VOICES))
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--voices-dir", type=Path, default=voices_dir)
    parser.add_argument("--cache", type=Path, default=Path("build/quality"))
    parser.add_argument("--report", type=Path, help="write the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
