"""What a worker holds does not grow with what it has spoken."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import psutil
import pytest

from shared.settings import ModelSettings
from worker.engine.base import MAX_TOKENS, EngineJob, Speech
from worker.engine.onnx import OnnxEngine
from worker.model.sources import ModelStore
from worker.voices import VoicePacks

pytestmark = pytest.mark.model

MAX_GROWTH_BYTES = 25_000_000
MAX_RESIDENT_BYTES = 700_000_000


def test_resident_memory_after_many_mixed_chunks_and_a_long_one() -> None:
    # In a process of its own: this one may hold torch and a Whisper by now.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        before, after = pool.submit(resident_before_and_after).result()
    print(f"resident {before / 1e6:.0f} MB after 5 chunks, {after / 1e6:.0f} MB after 47")
    assert after - before < MAX_GROWTH_BYTES
    assert after < MAX_RESIDENT_BYTES


def resident_before_and_after() -> tuple[int, int]:
    """Resident bytes of this process after a few chunks, and after many more and one as long as can be."""
    settings = ModelSettings()
    store = ModelStore(settings.model_dir, settings.voices_path)
    engine, packs = OnnxEngine(store.onnx_path()), VoicePacks(store.voices_dir)
    rng = np.random.default_rng(0)

    def speak(num_tokens: int) -> None:
        ids = tuple(int(token) for token in rng.integers(1, 170, num_tokens))
        job = EngineJob(ids, packs.style([("af_heart", 1.0)], num_tokens), speed=2.0, seed=0)
        assert isinstance(engine.synthesise([job])[0], Speech)

    for num_tokens in rng.integers(3, 60, 5):
        speak(int(num_tokens))
    before = psutil.Process().memory_info().rss
    for num_tokens in rng.integers(3, 60, 40):
        speak(int(num_tokens))
    speak(MAX_TOKENS)
    speak(10)
    return before, psutil.Process().memory_info().rss
