"""The residual block of pitch, loudness and decoder."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from worker.model.network.adain import AdainOps
from worker.model.network.layers import Affines, Region, conv
from worker.model.network.parameters import Parameters


class ResidualBlocks:
    """``AdainResBlk1d``s that have their style in common, on a line. Source: kokoro 0.9.4 ``istftnet.py``."""

    def __init__(self, p: Parameters, ops: AdainOps, affines: Affines) -> None:
        self._p, self._ops, self._affines = p, ops, affines

    def __call__(self, x: Tensor, before: Region, after: Region, module: str) -> Tensor:
        """AdaIN, leaky ReLU and convolution, twice, plus a shortcut, over sqrt(2): rows (1, length, channels).

        A block with a ``pool`` doubles the length; before, after: the regions there.
        """
        p, ops = self._p, self._ops
        h = ops.leaky(x, ops.statistics(x, before), before, self._affines[f"{module}.norm1"])
        shortcut = conv(p, x, f"{module}.conv1x1") if p.get(f"{module}.conv1x1.weight") is not None else x
        if p.get(f"{module}.pool.weight") is not None:
            h = doubled(p, h, f"{module}.pool").masked_fill(after.outside, 0.0)
            shortcut = shortcut.repeat_interleave(2, dim=1)
        h = conv(p, h, f"{module}.conv1", bias=False)  # the norm after it would take the bias away again
        h = ops.leaky(h, ops.statistics(h, after), after, self._affines[f"{module}.norm2"])
        return (conv(p, h, f"{module}.conv2") + shortcut) * 2**-0.5


def doubled(p: Parameters, x: Tensor, module: str) -> Tensor:
    """Depthwise transposed convolution, kernel 3, stride 2, padding 1, output padding 1: twice the length.

    Of output pair ``i``, the first is the middle tap of input i; the second is its last tap plus the first of i + 1.
    """
    first, middle, last = p[f"{module}.weight"][:, 0].unbind(1)
    following = functional.pad(x[:, 1:], (0, 0, 0, 1))
    pairs = torch.stack([x * middle, x * last + following * first], dim=2)
    return pairs.flatten(1, 2) + p[f"{module}.bias"]
