"""The batching engine, on the CPU, against the reference engine, both with the real weights."""

from __future__ import annotations

import numpy as np
import pytest

from shared.settings import ModelSettings
from shared.vocabulary import token_ids
from tests.worker_model.test_against_reference import MAX_MEAN_DISTANCE_DB, UTTERANCES, log_spectral_distance
from worker.engine.base import EngineJob, Speech
from worker.engine.reference import ReferenceEngine
from worker.model.sources import ModelStore
from worker.model.weights import load_state_dict
from worker.voices import VoicePacks

torch = pytest.importorskip("torch")

from worker.engine.cuda import TorchEngine  # noqa: E402 - needs torch

pytestmark = pytest.mark.model


def test_a_batch_says_what_the_reference_says() -> None:
    settings = ModelSettings()
    store = ModelStore(settings.model_dir, settings.voices_path)
    packs = VoicePacks(store.voices_dir)
    jobs = []
    for voice, speed, phonemes in (UTTERANCES[index] for index in (0, 2, 7, 8)):
        ids = token_ids(phonemes)
        jobs.append(EngineJob(ids, packs.style([(voice, 1.0)], len(ids)), speed, seed=1))
    engine = TorchEngine(load_state_dict(store.weights_path), torch.device("cpu"))
    distances = []
    for ours, theirs in zip(engine.synthesise(jobs), ReferenceEngine(store).synthesise(jobs), strict=True):
        assert isinstance(ours, Speech), ours
        assert isinstance(theirs, Speech), theirs
        np.testing.assert_array_equal(ours.durations, theirs.durations)
        distances.append(log_spectral_distance(ours.pcm, theirs.pcm))
    print([f"{distance:.2f} dB" for distance in distances])
    assert np.mean(distances) <= MAX_MEAN_DISTANCE_DB
