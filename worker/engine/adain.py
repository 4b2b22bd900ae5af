"""Which operators are used between convolutions on a device: ours in Triton where they work, else torch's own."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import torch

from worker.engine.base import EngineError
from worker.model.network.adain import AdainOps, PlainAdainOps
from worker.model.network.layers import packed_region
from worker.model.network.packing import Packing
from worker.model.network.placement import blocks_of, place

log = logging.getLogger(__name__)

Switch = Literal["auto", "on", "off"]

_UNITS = (30, 3)
_MOST_APART = 16
"""In roundings of the type; torch's own round more than once."""


def choose_ops(device: torch.device, dtype: torch.dtype, switch: Switch, *, compiles: bool) -> AdainOps:
    """Ours on cuda, unless torch compiles the network, which fuses its own operators well enough.

    What works is tried: a driver, a Triton or a missing C compiler may forbid it, and ``auto`` then takes torch's own,
    which are slower. Raises EngineError where ``switch`` is on and they do not work.
    """
    if switch == "off" or (switch == "auto" and (compiles or device.type != "cuda")):
        return PlainAdainOps()
    try:
        from worker.model.kernels.adain_gpu import TritonAdainOps

        ops = TritonAdainOps()
        apart = difference(ops, device, dtype)
    except Exception as error:  # noqa: BLE001 - a compiler or a driver may raise anything
        return _without(switch, error)
    if apart <= max(1e-3, _MOST_APART * torch.finfo(dtype).eps):
        return ops
    return _without(switch, EngineError(f"they are {apart:.1g} from torch's own"))


def _without(switch: Switch, fault: Exception) -> AdainOps:
    if switch == "on":
        raise EngineError(f"the kernels for GPUs do not work here: {fault}", "kernels_unusable") from fault
    log.warning("the kernels for GPUs do not work here, so batches will take longer: %s", fault)
    return PlainAdainOps()


def difference(ops: AdainOps, device: torch.device, dtype: torch.dtype, channels: int = 128) -> float:
    """How far they are from the plain ones at the most, on noise, at the resolutions of decoder and generator: the
    error over 1 + the value."""
    placed = place(_UNITS, sum(map(blocks_of, _UNITS)) + 1, len(_UNITS) + 1)
    packing = Packing(*(torch.from_numpy(each).to(device) for each in placed))
    rng, apart = np.random.default_rng(0), 0.0

    def noise(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape).astype(np.float32)).to(device, dtype)

    for rate, extra, width in ((2, 0, 4 * channels + 2), (20, 0, 2 * channels), (120, 1, channels)):
        line = packed_region(packing, rate, extra)
        x, h = (noise(1, line.inside.shape[1], width) for _ in range(2))
        affine = (noise(len(_UNITS) + 1, width).float(), noise(len(_UNITS) + 1, width).float())
        bias = torch.linspace(0.5, 1.0, width, device=device).to(dtype)  # and reciprocals
        made = []
        for each in (ops, PlainAdainOps()):
            summed, statistics = each.add(x, h, bias, line)
            snaked = each.snake(summed, statistics, line, affine, bias)
            leaked = each.leaky(x, each.statistics(x, line), line, affine)
            made.append(torch.cat([summed, snaked, leaked]).float())
        apart = max(apart, float(((made[0] - made[1]).abs() / (1 + made[1].abs())).max()))
    return apart
