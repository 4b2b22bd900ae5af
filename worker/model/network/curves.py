"""The pitch and loudness of every frame."""

from __future__ import annotations

from torch import Tensor

from worker.model.network.adain import AdainOps
from worker.model.network.layers import Places, conv, style_affines
from worker.model.network.parameters import Parameters
from worker.model.network.residual import ResidualBlocks


def pitch_and_loudness(
    p: Parameters, contour: Tensor, style: Tensor, places: Places, *, ops: AdainOps
) -> tuple[Tensor, Tensor]:
    """F0 in hertz and the loudness curve N, each (1, frames); meaningless between jobs.

    contour: rows on a line, one for every unit, (1, units, 512); style: (jobs, 128). There are two frames to a unit.
    Source: ``ProsodyPredictor.F0Ntrain`` in kokoro 0.9.4 ``modules.py``, after its LSTM.
    """
    residual = ResidualBlocks(p, ops, style_affines(p.curve_styles, style))
    units, frames = places
    made = []
    for name in ("F0", "N"):
        h = contour
        for block, (before, after) in enumerate([(units, units), (units, frames), (frames, frames)]):
            h = residual(h, before, after, f"predictor.{name}.{block}")
        made.append(conv(p, h, f"predictor.{name}_proj")[..., 0])
    return made[0], made[1]
