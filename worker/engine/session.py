"""How ONNX Runtime is to run a graph: every setting it has that matters here, and our defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import onnxruntime

from worker.engine.cores import usable_cores

ExecutionMode = Literal["sequential", "parallel"]
OptimizationLevel = Literal["disable", "basic", "extended", "all"]
ArenaExtendStrategy = Literal["kNextPowerOfTwo", "kSameAsRequested"]

_MODES = {
    "sequential": onnxruntime.ExecutionMode.ORT_SEQUENTIAL,
    "parallel": onnxruntime.ExecutionMode.ORT_PARALLEL,
}
_LEVELS = {
    "disable": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
_STRATEGIES = {"kNextPowerOfTwo": 0, "kSameAsRequested": 1}
"""Source: ``OrtArenaCfg`` in onnxruntime_c_api.h."""


@dataclass(frozen=True)
class SessionSettings:
    """What a session is made with. Source: ``OrtSessionOptions`` in onnxruntime_c_api.h."""

    num_threads: int = 0
    """Threads for one operator; 0: one per core this process may use."""
    inter_op_threads: int = 0
    """Operators at once, in parallel mode; 0: one per core this process may use. Sequential mode has no use for it."""
    execution_mode: ExecutionMode = "sequential"
    optimization_level: OptimizationLevel = "all"
    memory_pattern: bool = False
    """Plan the buffers of each input length once and keep the plan: for every length ever seen."""
    arena_extend_strategy: ArenaExtendStrategy = "kNextPowerOfTwo"
    """How the arena of buffers grows: in doubling steps, or by what is asked for."""
    spin_us: int = 100
    """Microseconds that a thread waits in a loop for its next operator before it sleeps; 0: it sleeps at once.

    ONNX Runtime's own default is longer and costs 30 to 40 % more CPU time, which others lack where cores are shared.
    """


def session_options(settings: SessionSettings) -> onnxruntime.SessionOptions:
    """ONNX Runtime's form of the settings; registers the arena that they ask for with this process."""
    cores = usable_cores()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.num_threads or cores
    options.inter_op_num_threads = settings.inter_op_threads or (cores if settings.execution_mode == "parallel" else 1)
    options.execution_mode = _MODES[settings.execution_mode]
    options.graph_optimization_level = _LEVELS[settings.optimization_level]
    options.enable_mem_pattern = settings.memory_pattern
    for pool in ("intra_op", "inter_op"):
        options.add_session_config_entry(f"session.{pool}.allow_spinning", "1" if settings.spin_us else "0")
        options.add_session_config_entry(f"session.{pool}.spin_duration_us", str(settings.spin_us))
    _register_arena(_STRATEGIES[settings.arena_extend_strategy])
    options.add_session_config_entry("session.use_env_allocators", "1")
    return options


def _register_arena(strategy: int) -> None:
    """Give this process an arena that sessions may share: the only way to its settings; replaces one from before."""
    arena = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(arena, onnxruntime.OrtArenaCfg({"arena_extend_strategy": strategy}))
