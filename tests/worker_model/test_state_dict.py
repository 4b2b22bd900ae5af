"""One state dict, whichever the source, and complete or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.worker_model.tiny import TINY, tiny_weights
from tests.worker_model.torch_zip import write_modules
from worker.model.config import KOKORO_V1
from worker.model.state_dict import (
    StateDict,
    WeightsError,
    check_state_dict,
    expected_shapes,
    fold_weight_norm,
)
from worker.model.weights import load_state_dict


def test_the_model_has_82_million_weights() -> None:
    assert sum(int(np.prod(shape)) for shape in expected_shapes(KOKORO_V1).values()) == 81_140_664


def test_weight_norm_is_folded_over_all_axes_but_the_first() -> None:
    direction = np.array([[[3.0, 4.0]], [[0.0, 0.0]]], np.float32)
    magnitude = np.array([[[10.0]], [[0.0]]], np.float32)
    np.testing.assert_allclose(fold_weight_norm(direction, magnitude), [[[6.0, 8.0]], [[0.0, 0.0]]])


@pytest.mark.parametrize("prefix", ["module.", ""])
def test_the_official_layout_loads(tmp_path: Path, prefix: str) -> None:
    weights = tiny_weights()
    official: dict[str, NDArray[np.float32]] = {"bert.pooler.weight": np.ones((2, 2), np.float32)}
    for name, tensor in weights.items():
        if tensor.ndim == 3 and name.endswith(".weight") and "noise_convs" not in name:
            official[f"{name}_v"] = tensor * np.float32(3.0)
            official[f"{name}_g"] = np.sqrt((tensor**2).sum(axis=(1, 2), keepdims=True))
        else:
            official[name] = tensor
    loaded = load_state_dict(write_modules(tmp_path / "kokoro-v1_0.pth", official, prefix), TINY)
    assert list(loaded) == list(weights)
    for name, tensor in weights.items():
        np.testing.assert_allclose(loaded[name], tensor, rtol=1e-6, atol=1e-7, err_msg=name)


def test_a_direction_without_magnitude_is_refused(tmp_path: Path) -> None:
    path = write_modules(tmp_path / "a.pth", {"decoder.x.weight_v": np.ones((2, 2), np.float32)})
    with pytest.raises(WeightsError, match="no matching weight_g"):
        load_state_dict(path, TINY)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="neither a"):
        load_state_dict(tmp_path / "model.safetensors")


def _without(weights: StateDict, name: str) -> StateDict:
    return {key: tensor for key, tensor in weights.items() if key != name}


def test_incomplete_or_wrong_weights_are_refused() -> None:
    weights = tiny_weights()
    name = "predictor.F0.1.pool.weight"
    with pytest.raises(WeightsError, match=f"lack the tensor {name}"):
        check_state_dict(_without(weights, name), TINY)
    with pytest.raises(WeightsError, match="has shape"):
        check_state_dict({**weights, name: np.zeros((1, 1, 1), np.float32)}, TINY)
    with pytest.raises(WeightsError, match="not finite"):
        check_state_dict({**weights, name: weights[name] * np.float32(np.nan)}, TINY)


def test_a_norm_inside_adain_must_be_the_identity() -> None:
    weights = tiny_weights()
    norm = "decoder.encode.norm1.norm"
    ones, zeros = np.ones(10, np.float32), np.zeros(10, np.float32)
    assert f"{norm}.weight" not in check_state_dict({**weights, f"{norm}.weight": ones, f"{norm}.bias": zeros}, TINY)
    with pytest.raises(WeightsError, match="not the identity"):
        check_state_dict({**weights, f"{norm}.weight": ones * np.float32(2)}, TINY)
