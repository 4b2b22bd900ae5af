"""Short texts, 1 to 8 words: are they heard as they are written, and is there anything besides?

    python -m bench.short_texts --graph models/kokoro-graph-*.onnx

Each text in four voices, heard with half a second of silence around it: a Whisper that gets a clip which starts and
stops at once guesses at what it has missed. What the packaged tiny.en mishears a larger Whisper hears again, if there
is one (``--whisper``, or the packages named in ``bench.ears.larger_whisper``), and the larger one's word counts. Exits
with 1 if fewer than 95 % are heard exactly, or if a clip is cut off, clipped, or not silent after its last sound.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.corpus import SHORT_TEXTS, Line, corpus
from bench.ears import WHISPER_HZ, Ears, Listener, for_ears, larger_whisper, opinion, words
from bench.recordings import Recordings
from worker.engine.base import SAMPLES_PER_DURATION_UNIT, EngineError, EngineJob, Speech
from worker.engine.onnx import OnnxEngine
from worker.engine.session import SessionSettings
from worker.voices import VoicePacks

VOICES = ("af_heart", "am_michael", "bf_emma", "bm_george")

MIN_HEARD = 0.95

SILENCE_S = 0.5
"""Around a clip, for the listener."""

SILENT_DB, BABBLE_DB = -50, -40
"""Levels of a duration unit below full scale: under the first there is silence, under the second at most a breath."""

DECAY_UNITS = 5
"""A vowel may die away for 125 ms into the stop after it: measured in the longest, 45 dB down."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What the samples alone tell."""

    edges_db: tuple[int, int]
    """Level of the first and of the last duration unit: sound in either is sound that was cut off."""
    after_db: int
    """Highest level once the last sound has died away, in the stop and the boundary: sound there is babble."""
    is_clipped: bool

    @property
    def is_clean(self) -> bool:
        return max(self.edges_db) < SILENT_DB and self.after_db < BABBLE_DB and not self.is_clipped


@dataclass(frozen=True, slots=True)
class Clip:
    """One text in one voice, and what became of it."""

    text: str
    voice: str
    heard: str
    p808: float
    sound: Sound

    @property
    def is_exact(self) -> bool:
        return sounds_alike(self.text, self.heard)


def clips(
    recordings: Recordings, packs: VoicePacks, listeners: Sequence[Listener], voices: Sequence[str]
) -> Iterator[Clip]:
    for line in corpus(SHORT_TEXTS):
        for voice in voices:
            ids = line.token_ids(voice)
            job = EngineJob(ids, packs.style([(voice, 1.0)], len(ids)), speed=1.0, seed=0)
            yield examine(line, voice, recordings.speech(line, voice, job), listeners)


def examine(line: Line, voice: str, speech: Speech, listeners: Sequence[Listener]) -> Clip:
    samples = for_ears(speech.pcm)
    return Clip(line.text, voice, hear(line.text, samples, listeners), opinion(samples).p808, sound_of(speech))


def sound_of(speech: Speech) -> Sound:
    """Levels at the edges and after the last phoneme; the speech's last token is a stop, and then the boundary."""
    levels = levels_db(speech.pcm)
    return Sound(
        edges_db=(round(levels[0]), round(levels[-1])),
        after_db=round(levels[min(speech.durations[:-2].sum() + DECAY_UNITS, len(levels) - 1) :].max()),
        is_clipped=bool((np.abs(speech.pcm.astype(np.int32)) >= 32767).any()),
    )


def hear(text: str, samples: NDArray[np.float32], listeners: Sequence[Listener]) -> str:
    """What the first listener hears that hears ``text``; else what the last one does."""
    silence = np.zeros(round(SILENCE_S * WHISPER_HZ), np.float32)
    heard = ""
    for ears in listeners:
        heard = ears.hear(np.concatenate([silence, samples, silence]))
        if sounds_alike(text, heard):
            break
    return heard


def sounds_alike(text: str, heard: str) -> bool:
    """Whether the words are the same; where one ends is spelling ("nevermind")."""
    return "".join(words(text)) == "".join(words(heard))


def levels_db(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """Root mean square of each duration unit, in dB below full scale."""
    power = (pcm.reshape(-1, SAMPLES_PER_DURATION_UNIT) / 32768.0) ** 2
    levels: NDArray[np.float64] = 10 * np.log10(power.mean(axis=1) + 1e-12)
    return levels


def main() -> None:
    try:
        _judge(_options())
    except EngineError as error:
        sys.exit(str(error))


def _judge(options: argparse.Namespace) -> None:
    folders = [None, options.whisper or larger_whisper(options.cache)]
    listeners = [Ears(folder, options.threads) for folder in folders[: 2 if folders[1] else 1]]
    load = partial(OnnxEngine, settings=SessionSettings(num_threads=options.threads))
    recordings = Recordings(options.graph, load, listeners[0], options.cache)
    found: list[Clip] = []
    for clip in clips(recordings, VoicePacks(options.voices_dir), listeners, options.voices):
        found.append(clip)
        if not (clip.is_exact and clip.sound.is_clean):
            edges, after = clip.sound.edges_db, clip.sound.after_db
            print(f"{clip.text!r} by {clip.voice}: {clip.heard!r}, edges {edges} dB, after {after} dB", flush=True)
    exact = sum(clip.is_exact for clip in found) / len(found)
    added = sum(len(words(clip.heard)) > len(words(clip.text)) for clip in found)
    unclean = sum(not clip.sound.is_clean for clip in found)
    print(f"{len(found)} clips, {len(listeners)} listeners: {exact:.1%} heard exactly, {added} with words added")
    print(f"{unclean} cut off, clipped or not silent after; DNSMOS P.808 {np.mean([clip.p808 for clip in found]):.2f}")
    sys.exit(1 if exact < MIN_HEARD or unclean else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    model_dir = Path(os.environ.get("MODEL_DIR", "models"))
    voices_dir = Path(os.environ.get("VOICES_DIR", model_dir / "voices"))
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--voices", nargs="+", default=list(VOICES))
    parser.add_argument("--whisper", type=Path, help="folder of a larger model, as faster-whisper opens it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--voices-dir", type=Path, default=voices_dir)
    parser.add_argument("--cache", type=Path, default=Path("build/quality"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
