"""Which operators the generator uses on a device: ours in Triton where they work, else torch's own."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import torch

from worker.engine.base import EngineError
from worker.model.network.layers import packed_region
from worker.model.network.packing import Packing
from worker.model.network.placement import blocks_of, place
from worker.model.network.snake import PlainSnakeOps, SnakeOps

log = logging.getLogger(__name__)

Switch = Literal["auto", "on", "off"]

_UNITS = (30, 3)
_MOST_APART = 0.02
"""Of values of about 1; half precision rounds to a thousandth, bfloat16 to a hundredth."""


def choose_ops(device: torch.device, dtype: torch.dtype, switch: Switch, *, compiles: bool) -> SnakeOps:
    """Ours on cuda, unless torch compiles the network, which fuses its own operators well enough.

    What works is tried: a driver, a Triton or a missing C compiler may forbid it, and ``auto`` then takes torch's own,
    which are slower. Raises EngineError where ``switch`` is on and they do not work.
    """
    if switch == "off" or (switch == "auto" and (compiles or device.type != "cuda")):
        return PlainSnakeOps()
    try:
        from worker.model.kernels.snake_gpu import TritonSnakeOps

        ops = TritonSnakeOps()
        apart = difference(ops, device, dtype)
    except Exception as error:  # noqa: BLE001 - a compiler or a driver may raise anything
        return _without(switch, error)
    if apart <= _MOST_APART:
        return ops
    return _without(switch, EngineError(f"they are {apart:.1g} from torch's own"))


def _without(switch: Switch, fault: Exception) -> SnakeOps:
    if switch == "on":
        raise EngineError(f"the kernels for GPUs do not work here: {fault}", "kernels_unusable") from fault
    log.warning("the kernels for GPUs do not work here, so batches will take longer: %s", fault)
    return PlainSnakeOps()


def difference(ops: SnakeOps, device: torch.device, dtype: torch.dtype, channels: int = 128) -> float:
    """How far they are from the plain ones at the most, on noise, at both of the generator's resolutions."""
    placed = place(_UNITS, sum(map(blocks_of, _UNITS)) + 1, len(_UNITS) + 1)
    packing = Packing(*(torch.from_numpy(each).to(device) for each in placed))
    rng, apart = np.random.default_rng(0), 0.0

    def noise(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape).astype(np.float32)).to(device, dtype)

    for rate, extra, width in ((20, 0, 2 * channels), (120, 1, channels)):
        line = packed_region(packing, rate, extra)
        x, h = (noise(1, line.inside.shape[1], width) for _ in range(2))
        affine = (noise(len(_UNITS) + 1, width).float(), noise(len(_UNITS) + 1, width).float())
        bias = torch.linspace(0.5, 1.0, width, device=device).to(dtype)  # and reciprocals
        made = []
        for each in (ops, PlainSnakeOps()):
            summed, statistics = each.add(x, h, bias, line)
            snaked = each.snake(summed, statistics, line, affine, bias)
            alone = each.snake(x, each.statistics(x, line), line, affine, bias)
            made.append(torch.cat([summed, snaked, alone]).float())
        apart = max(apart, float((made[0] - made[1]).abs().max()))
    return apart
