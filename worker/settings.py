"""The worker's settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.settings import ModelSettings


class WorkerSettings(ModelSettings):
    """One frozen object per worker process, from the environment."""

    engine: Literal["onnx", "fake", "reference"] = "onnx"
    """What synthesises: onnx (CPU), reference (stock KModel on torch, slow), fake (tones, no model)."""
    fake_speed_factor: float = Field(default=0.0, ge=0)
    """Audio seconds per second that the fake engine pretends to make; 0: as fast as it can."""
    onnx_num_threads: int = Field(default=0, ge=0)
    """Threads for one operator; 0: one per core this process may use."""
    voice_cache_size: int = Field(default=64, ge=1)
    """Voice packs kept in memory, half a megabyte each."""
    max_deliveries: int = Field(default=3, ge=1)
    """Workers that may die over a job before it is given up."""
