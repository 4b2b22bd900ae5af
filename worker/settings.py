"""The worker's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from shared.contract import Lane
from shared.settings import ModelSettings

EngineName = Literal["onnx", "cuda", "reference", "fake"]


class WorkerSettings(ModelSettings):
    """One frozen object per worker process, from the environment."""

    engine: EngineName | None = None
    """What synthesises: onnx (CPU), cuda (batches on torch, on a GPU), reference (stock KModel on torch, slow), fake
    (tones, no model). Unset: cuda where DEVICE_TYPE or USE_GPU asks for a GPU, else onnx."""
    device_type: Literal["cuda", "mps", "cpu"] | None = None
    """What torch runs on; unset: the best that is there. A device that is not there is an error at start-up."""
    use_gpu: bool | None = None
    """True asks for cuda or mps, false for neither."""
    vocoder_dtype: Literal["float32", "float16", "bfloat16"] = "float16"
    """Of the cuda engine's decoder and generator; all before them is float32."""
    torch_kernels: Literal["auto", "on", "off"] = "auto"
    """The cuda engine's operators of our own, in Triton, which needs a C compiler. auto: where they work; on: not
    without; off: torch's own."""
    torch_compile: bool = False
    """Compile the cuda engine's shapes at start-up as well as capturing them: faster, after a long first start."""
    compile_cache_dir: Path | None = None
    """Where compiled code is kept from one start to the next; unset: torch's own default."""
    gpu_memory_gb: float = Field(default=5.0, gt=0)
    """What the cuda engine's batches may take of the GPU's memory; the default suits a card of 8 GB."""
    fake_speed_factor: float = Field(default=0.0, ge=0)
    """Audio seconds per second that the fake engine pretends to make; 0: as fast as it can."""
    onnx_precision: Literal["fp32", "int8", "auto"] = "fp32"
    """fp32; int8: the generator's convolutions in 8-bit integers, for CPUs with VNNI; auto: what is faster here, as
    measured when `kokoro-fleet models build` built both."""
    onnx_kernels: Literal["auto", "on", "off"] = "auto"
    """Operators of our own in float32 graphs, 1.7 times as fast on two cores. auto: where the machine that
    builds the graph has AVX2 and a C compiler; on: not without; off: ONNX Runtime's alone."""
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
    model_auto_unload_timeout_seconds: float = Field(default=0.0, ge=0)
    """Seconds without a job after which the worker frees the model's memory; the next job loads it again. 0: never."""
    max_deliveries: int = Field(default=3, ge=1)
    """Workers that may die while a job runs before it is given up; after the first it runs alone."""
    max_batch_s: float = Field(default=0.3, gt=0)
    """Seconds that a batch of several jobs should take at the most: urgent ones wait for its end. More is faster in all
    where large batches pay."""
    standard_min_share: float = Field(default=0.25, ge=0, lt=0.5)
    """Of the worker's time, what the lane `standard` gets while it has work, however much is urgent."""
    batch_min_share: float = Field(default=0.05, ge=0, lt=0.5)
    """The same for the lane `batch`, whatever waits above it; 0: it only gets what they leave."""

    @property
    def min_shares(self) -> dict[Lane, float]:
        """What each lane below the highest gets at least."""
        return {Lane.STANDARD: self.standard_min_share, Lane.BATCH: self.batch_min_share}

    @property
    def asks_for_gpu(self) -> bool:
        """Whether a GPU is asked for by either setting."""
        return self.device_type in {"cuda", "mps"} or self.use_gpu is True

    @property
    def chosen_engine(self) -> EngineName:
        """The engine by name."""
        return self.engine or ("cuda" if self.asks_for_gpu else "onnx")

    @model_validator(mode="after")
    def _gpus_are_for_torch(self) -> Self:
        if self.engine in {"onnx", "reference"} and self.asks_for_gpu:
            raise ValueError(f"ENGINE={self.engine} runs on the CPU, but DEVICE_TYPE or USE_GPU asks for a GPU")
        return self
