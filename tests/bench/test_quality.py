"""The gate's verdict and its arithmetic; what Whisper and DNSMOS say is for ``make test-model``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.corpus import SENTENCES, corpus
from bench.quality import Comparison, Side, compare, log_spectral_distance
from bench.recordings import Recording, Recordings, Scores
from shared.settings import ModelSettings
from worker.engine.base import SAMPLES_PER_DURATION_UNIT, EngineError, EngineJob, Speech
from worker.engine.fake import FakeEngine, FakeVoicePacks
from worker.model.sources import ModelStore

AGAINST = Side(word_error_rate=0.02, p808=4.1, ovrl=3.4)
SAME = Comparison(
    clips=256, words=2700, graph=AGAINST, against=AGAINST, same_durations=1.0, log_spectral_distance_db=0.0
)


class CountingEngine(FakeEngine):
    """The fake engine, which remembers how often it was loaded and asked."""

    loads = spoken = 0

    def load(self, graph: Path) -> CountingEngine:
        assert graph.is_file()
        self.loads += 1
        return self

    def synthesise(self, batch: Sequence[EngineJob]) -> list[Speech | EngineError]:
        self.spoken += len(batch)
        return super().synthesise(batch)


class Deaf:
    """A listener that nobody may ask."""

    def hear(self, samples: NDArray[np.float32]) -> str:
        raise AssertionError(f"asked to hear {len(samples)} samples")


@pytest.mark.parametrize(
    ("graph", "verdict"),
    [
        (AGAINST, ""),
        (Side(0.0249, 3.96, 3.26), ""),
        (Side(0.0, 4.9, 4.9), ""),
        (Side(0.0251, 4.1, 3.4), "word error rate"),
        (Side(0.02, 3.94, 3.4), "P.808"),
        (Side(0.02, 4.1, 3.24), "OVRL"),
    ],
)
def test_a_graph_may_be_a_little_worse_and_no_more(graph: Side, verdict: str) -> None:
    faults = replace(SAME, graph=graph).faults()
    assert len(faults) == bool(verdict)
    assert verdict in " ".join(faults)


@pytest.mark.parametrize(("share", "num_faults"), [(0.9899, 1), (0.99, 0)])
def test_durations_must_stay(share: float, num_faults: int) -> None:
    assert len(replace(SAME, same_durations=share).faults()) == num_faults


def recording(durations: list[int], heard: str = "one two", errors: int = 0, p808: float = 4.0) -> Recording:
    """Noise that belongs to each token's place, so that a token sounds alike whatever the durations before it."""
    parts = [
        np.random.default_rng(place).integers(-9000, 9000, units * SAMPLES_PER_DURATION_UNIT, dtype=np.int16)
        for place, units in enumerate(durations)
    ]
    speech = Speech(np.concatenate(parts), np.array(durations, np.int32))
    return Recording("af_heart", speech, Scores("one two", heard, errors, p808, p808 - 1))


def test_identical_clips_are_identical_in_every_figure() -> None:
    clip = recording([3, 5, 2])
    found = compare([(clip, clip)])
    assert found.same_durations == 1
    assert found.log_spectral_distance_db == 0
    assert found.graph == found.against == Side(0.0, 4.0, 3.0)


def test_errors_count_by_word_and_durations_by_token() -> None:
    exact, wrong = recording([3, 5, 2, 4]), recording([3, 6, 2, 4], "one three", 1, 3.0)
    found = compare([(wrong, exact), (exact, exact)])
    assert found.words == 4
    assert found.graph == Side(0.25, 3.5, 2.5)
    assert found.against == Side(0.0, 4.0, 3.0)
    assert found.same_durations == 7 / 8


def test_a_changed_duration_does_not_shift_what_is_compared_after_it() -> None:
    found = compare([(recording([3, 5, 2, 20]), recording([3, 9, 2, 20]))])
    assert found.log_spectral_distance_db == 0


def test_spectra_of_different_sounds_are_apart_and_of_short_ones_defined() -> None:
    one, other = recording([4]).speech.pcm, recording([4]).speech.pcm // 2
    assert log_spectral_distance(one, other) == pytest.approx(6.0, abs=0.3)
    assert log_spectral_distance(one[:100], one[:100]) == 0


def test_nothing_is_spoken_twice(tmp_path: Path) -> None:
    graph = tmp_path / "graph.onnx"
    graph.write_bytes(b"reads its weights from the file beside it")
    line = corpus(SENTENCES)[0]
    ids = line.token_ids("af_heart")
    job = EngineJob(ids, FakeVoicePacks([]).style([("af_heart", 1.0)], len(ids)), 1.0, seed=0)
    for content, speed, asked in (
        (b"one graph", 1.0, 1),
        (b"one graph", 1.0, 0),
        (b"one graph", 0.9, 1),
        (b"2", 1.0, 1),
    ):
        graph.write_bytes(content)
        engine = CountingEngine()
        speech = Recordings(graph, engine.load, Deaf(), tmp_path).speech(line, "af_heart", replace(job, speed=speed))
        assert engine.spoken == engine.loads == asked
        assert speech.durations.sum() * SAMPLES_PER_DURATION_UNIT == len(speech.pcm)
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.model
def test_the_built_graph_is_as_good_as_itself(tmp_path: Path) -> None:
    pytest.importorskip("librosa", reason="speechmos needs it; `make quality` installs it")
    settings = ModelSettings()
    graph = str(ModelStore(settings.model_dir, settings.voices_path).onnx_path())
    command = [sys.executable, "-m", "bench.quality", "--graph", graph, "--against", graph, "--sentences", "1"]
    command += ["--voices", "af_heart", "--voices-dir", str(settings.voices_path), "--cache", str(tmp_path)]
    ran = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "same durations   100.00%" in ran.stdout


def test_a_graph_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="there is no graph"):
        Recordings(tmp_path / "graph.onnx", CountingEngine().load, Deaf(), tmp_path)
