"""One stage of a network at fixed shapes: compiled and captured before the first job, replayed from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

Function = Callable[..., tuple[Tensor, ...]]
Key = tuple[tuple[int, ...], ...]

WARM_UP_RUNS = 2
"""Runs before a capture, as torch's notes on CUDA graphs ask: libraries choose algorithms and allocate in them."""


class _Captured(NamedTuple):
    """A graph, the buffers it reads, and those it writes."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class Stage:
    """A function of tensors to a tuple of tensors, fast at the shapes it was prepared for.

    backend: of ``torch.compile``, or None to leave the function as it is. pool: the graphs' memory, shared by all
    stages that never run at the same time (``torch.cuda.graph_pool_handle``), None where there are no graphs. At other
    shapes the function runs as it is: slower, but nothing is ever compiled or captured outside ``prepare``.
    """

    def __init__(
        self, function: Function, device: torch.device, *, backend: str | None = None, pool: object | None = None
    ) -> None:
        self.preparations = 0
        """Compilations and captures so far."""
        self._function = function
        self._device = device
        self._backend = backend
        self._fast = torch.compile(function, fullgraph=True, dynamic=False, backend=backend) if backend else function
        self._pool = pool
        self._buffers: dict[int, Tensor] = {}
        self._ready: set[Key] = set()
        self._captured: dict[Key, _Captured] = {}

    @property
    def prepares(self) -> bool:
        """Whether there is anything to prepare: compilation was asked for, or the device captures graphs."""
        return self._backend is not None or self._device.type == "cuda"

    def prepare(self, *inputs: Tensor, tune: bool = False) -> None:
        """Compile and capture for inputs of these shapes and types. Their values need only be valid.

        tune: let cuDNN try its algorithms for every convolution, which takes seconds; else it goes by its heuristics.
        """
        with _recompiling():
            if self._device.type == "cuda":
                with _choosing_algorithms() if tune else nullcontext():
                    self._captured[_key(inputs)] = self._capture(inputs)
            else:
                self._fast(*self._moved(inputs))
        self._ready.add(_key(inputs))
        self.preparations += 1

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Run on inputs that may be on the CPU, pinned. On cuda, outputs are overwritten by the next call."""
        key = _key(inputs)
        if captured := self._captured.get(key):
            for static, value in zip(captured.inputs, inputs, strict=True):
                static.copy_(value, non_blocking=True)
            captured.graph.replay()
            return captured.outputs
        if key not in self._ready:
            return self._function(*self._moved(inputs))
        with self._never_compiling():
            return self._fast(*self._moved(inputs))

    def _capture(self, inputs: tuple[Tensor, ...]) -> _Captured:
        """As ``torch.cuda.graph`` does it, but for a garbage collection at each of a hundred shapes."""
        static = tuple(self._static(position, value) for position, value in enumerate(inputs))
        graph, aside = torch.cuda.CUDAGraph(), torch.cuda.Stream(self._device)
        torch.cuda.synchronize(self._device)
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP_RUNS):
                self._fast(*static)
            aside.synchronize()
            torch.cuda.empty_cache()  # or what the runs held would be held beside the graphs' own memory
            graph.capture_begin(pool=self._pool)
            try:
                outputs = self._fast(*static)
            finally:
                graph.capture_end()
        torch.cuda.synchronize(self._device)
        return _Captured(graph, static, outputs)

    def _static(self, position: int, value: Tensor) -> Tensor:
        """A buffer that graphs read this input from; shapes share one, for only one graph runs at a time."""
        buffer = self._buffers.get(position)
        if buffer is None or buffer.numel() < value.numel():
            buffer = self._buffers[position] = torch.empty(value.numel(), dtype=value.dtype, device=self._device)
        static = buffer[: value.numel()].view(value.shape)
        static.copy_(value)
        return static

    def _moved(self, inputs: tuple[Tensor, ...]) -> list[Tensor]:
        return [value.to(self._device, non_blocking=True) for value in inputs]

    def _never_compiling(self) -> AbstractContextManager[object]:
        """A shape that needs another compilation after all is an error, not a minute's wait."""
        return torch.compiler.set_stance("fail_on_recompile") if self._backend else nullcontext()


def _key(inputs: tuple[Tensor, ...]) -> Key:
    return tuple(tuple(value.shape) for value in inputs)


@contextmanager
def _recompiling() -> Iterator[None]:
    """Every shape is a compilation of the same function, of which torch allows eight unless told otherwise."""
    import torch._dynamo

    with torch._dynamo.config.patch(recompile_limit=1024, accumulated_recompile_limit=4096):  # noqa: SLF001
        yield


@contextmanager
def _choosing_algorithms() -> Iterator[None]:
    """Let cuDNN try its algorithms for every convolution; the graph keeps the best."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
