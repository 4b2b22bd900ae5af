"""What the network holds at its peak, which the ladder's budget is made of."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest

from worker.engine.base import STYLE_SIZE
from worker.engine.ladder import BYTES_PER_UNIT
from worker.model.config import KOKORO_V1
from worker.model.state_dict import expected_shapes

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402 - needs torch

from worker.model.network.network import Network  # noqa: E402
from worker.model.network.packing import Packing  # noqa: E402
from worker.model.network.placement import BLOCK, place  # noqa: E402

# Not for want of weights: torch is only installed where the tests of that mark run.
pytestmark = pytest.mark.model


class Held(TorchDispatchMode):  # type: ignore[misc] # torch is not there when types are checked
    """Counts the bytes of the tensors that operators made and that still live."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = self._now = 0
        self._sizes: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else [made]:
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage: Any) -> None:
        key = storage._cdata
        if key not in self._sizes:
            self._sizes[key] = storage.nbytes()
            self._now += storage.nbytes()
            self.peak = max(self.peak, self._now)
            weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self._now -= self._sizes.pop(key)


@pytest.mark.parametrize(("dtype", "most"), [("float32", BYTES_PER_UNIT), ("float16", 0.75 * BYTES_PER_UNIT)])
def test_a_unit_of_audio_takes_no_more_memory_than_the_ladder_counts_with(dtype: str, most: float) -> None:
    """At the model's own size, on the meta device: shapes without values."""
    weights = {name: np.ones(shape, np.float32) for name, shape in expected_shapes().items()}
    network = Network(weights, device="meta", dtype=getattr(torch, dtype))
    blocks, jobs = 256, 33
    units = blocks * BLOCK
    placed = (torch.from_numpy(each).to("meta") for each in place([], blocks, jobs))
    rows = torch.zeros(1, units, KOKORO_V1.hidden, device="meta")
    style, seeds = torch.zeros(jobs, STYLE_SIZE, device="meta"), torch.zeros(jobs, dtype=torch.long, device="meta")
    with torch.inference_mode(), Held() as held:
        network.speech(rows, rows, Packing(*placed), style, seeds)
    per_unit = held.peak / units
    print(f"{per_unit / 1e3:.0f} kB a unit")
    assert 0.5 * most <= per_unit <= most
