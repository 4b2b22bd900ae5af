"""The kernels for GPUs, run by Triton's interpreter; ``test_gpu_kernels`` starts this in a process of its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.worker_model.line import Line
from worker.engine.snake import difference
from worker.model.kernels import snake_gpu
from worker.model.kernels.snake_gpu import TritonSnakeOps
from worker.model.network.layers import Region, packed_region
from worker.model.network.snake import PlainSnakeOps

UNITS = [3, 14, 1]
SHAPES = [(20, 0, 32), (120, 1, 16)]
"""Rows to a unit, rows more for each job, channels; of the generator's two stages, but with fewer channels."""


def rows(place: Region, channels: int, dtype: Any, seed: int) -> Any:
    """Something everywhere, between jobs as well; one job's mean is far from 0."""
    made = torch.randn(1, place.inside.shape[1], channels, generator=torch.Generator().manual_seed(seed))
    made[:, : 20 * place.rows] += 50.0
    return made.to(dtype)


@pytest.fixture(autouse=True)
def _few_sums_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that short jobs have more than fit: what interprets is slow."""
    monkeypatch.setattr(snake_gpu, "PARTIALS", 4)


@pytest.fixture(params=SHAPES, ids=["first stage", "second stage"])
def place(request: pytest.FixtureRequest) -> Region:
    rate, extra, _ = request.param
    return packed_region(Line(UNITS, spare=1).packing, rate, extra)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_they_are_the_plain_operators(place: Region, dtype: Any) -> None:
    channels = 32 if place.rows == 160 else 16
    plain, ours = PlainSnakeOps(), TritonSnakeOps()
    x, h = rows(place, channels, dtype, 1), rows(place, channels, dtype, 2)
    bias = torch.randn(channels).to(dtype)
    table = torch.randn(len(UNITS) + 1, 3 * channels)
    affine = (table[:, :channels], table[:, channels : 2 * channels])
    reciprocal = (torch.rand(channels) + 0.5).to(dtype)
    jobs = slice(len(UNITS))  # of nobody there are no statistics

    expected, made = plain.statistics(x, place), ours.statistics(x, place)
    for theirs, these in zip(expected, made, strict=True):
        torch.testing.assert_close(these[jobs], theirs[jobs], atol=1e-4, rtol=1e-4)
    coarse = 1e-3 if dtype is torch.float32 else 1e-2
    torch.testing.assert_close(
        ours.snake(x, made, place, affine, reciprocal),
        plain.snake(x, expected, place, affine, reciprocal),
        atol=coarse,
        rtol=coarse,
    )
    (sum_, of_sum), (theirs, of_theirs) = ours.add(x, h, bias, place), plain.add(x, h, bias, place)
    torch.testing.assert_close(sum_, theirs, atol=coarse, rtol=coarse)
    for expect, these in zip(of_theirs, of_sum, strict=True):
        torch.testing.assert_close(these[jobs], expect[jobs], atol=coarse, rtol=coarse)


def test_a_job_is_the_same_bit_by_bit_alone_and_on_a_line() -> None:
    ours, channels = TritonSnakeOps(), 16
    line, alone = Line(UNITS, spare=1), Line(UNITS[1:2])
    job = torch.randn(UNITS[1] * 20, channels)
    parts = [torch.randn(count * 20, channels) for count in UNITS]
    together = line.join([parts[0], job, *parts[2:]], garbage=3.0)
    made = []
    for packed, x, number in ((line, together, 1), (alone, alone.join([job]), 0)):
        place = packed_region(packed.packing, 20)
        jobs = len(packed.packing.units)
        affine = (torch.full((jobs, channels), 1.5), torch.full((jobs, channels), 0.2))
        made.append(packed.cut(ours.snake(x, ours.statistics(x, place), place, affine, torch.ones(channels)))[number])
    assert torch.equal(made[0], made[1])


@pytest.mark.filterwarnings("ignore")  # of numpy, which interprets
def test_one_jobs_infinities_are_its_own() -> None:
    ours, line = TritonSnakeOps(), Line([4, 5])
    place = packed_region(line.packing, 20)
    bad, good = torch.full((80, 16), float("inf")), torch.randn(100, 16)
    affine = (torch.ones(3, 16), torch.zeros(3, 16))
    for joined in (line.join([bad, good]), line.join([bad.fill_(float("nan")), good])):
        _, made = line.cut(ours.snake(joined, ours.statistics(joined, place), place, affine, torch.ones(16)))
        assert torch.isfinite(made).all()


def test_the_trial_before_they_are_used_passes() -> None:
    assert difference(TritonSnakeOps(), torch.device("cpu"), torch.float16, channels=8) < 0.02
