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
    onnx_precision: Literal["fp32", "int8", "auto"] = "fp32"
    """fp32; int8: the generator's convolutions in 8-bit integers, for CPUs with VNNI; auto: what is faster here, as
    measured when `kokoro-fleet models build` built both."""
    onnx_num_threads: int = Field(default=0, ge=0)
    """Threads for one operator; 0: one per core this process may use (cgroup quotas and affinity counted)."""
    onnx_inter_op_threads: int = Field(default=0, ge=0)
    """Operators at once in parallel mode; 0: one per core this process may use."""
    onnx_execution_mode: Literal["sequential", "parallel"] = "sequential"
    """Parallel runs independent operators at once; this graph has few, and it measured half as fast."""
    onnx_optimization_level: Literal["disable", "basic", "extended", "all"] = "all"
    """How far ONNX Runtime may rewrite the graph when it loads it."""
    onnx_memory_pattern: bool = False
    """Keep a plan of the buffers for every input length ever seen: memory grows with the lengths."""
    onnx_arena_extend_strategy: Literal["kNextPowerOfTwo", "kSameAsRequested"] = "kNextPowerOfTwo"
    """How the arena of buffers grows: by doubling, or by what is asked for."""
    onnx_spin_us: int = Field(default=100, ge=0)
    """Microseconds that a thread waits in a loop for its next operator before it sleeps; 0: it sleeps at once."""
    voice_cache_size: int = Field(default=64, ge=1)
    """Voice packs kept in memory, half a megabyte each."""
    max_deliveries: int = Field(default=3, ge=1)
    """Workers that may die over a job before it is given up."""
