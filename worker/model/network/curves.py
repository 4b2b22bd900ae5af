"""The pitch and loudness of every frame."""

from __future__ import annotations

from torch import Tensor

from worker.model.network.layers import (
    Affines,
    Places,
    adain_residual_block,
    bidirectional_lstm,
    conv,
    style_affines,
)
from worker.model.network.parameters import Parameters
from worker.model.network.text import join_style


def pitch_and_loudness(p: Parameters, encoded: Tensor, style: Tensor, places: Places) -> tuple[Tensor, Tensor]:
    """F0 in hertz and the loudness curve N, each (batch, frames); meaningless in padding.

    encoded: the duration encoder's rows, one for every unit, (batch, units, 512); style: (batch, 128). There are two
    frames to a unit. Source: ``ProsodyPredictor.F0Ntrain`` in kokoro 0.9.4 ``modules.py``.
    """
    shared = bidirectional_lstm(p, join_style(encoded, style), places.units, "predictor.shared")
    affines = style_affines(p.curve_styles, style)
    return _curve(p, shared, places, affines, "F0"), _curve(p, shared, places, affines, "N")


def _curve(p: Parameters, h: Tensor, places: Places, affines: Affines, name: str) -> Tensor:
    units, frames = places
    for block, around in enumerate([(units, units), (units, frames), (frames, frames)]):
        h = adain_residual_block(p, h, around, affines, f"predictor.{name}.{block}")
    return conv(p, h, f"predictor.{name}_proj")[..., 0]
