"""The kernels for GPUs, run by Triton's interpreter; ``test_gpu_kernels`` starts this in a process of its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.worker_model.line import Line
from worker.engine import adain
from worker.engine.adain import difference
from worker.model.kernels import adain_gpu
from worker.model.kernels.adain_gpu import TritonAdainOps
from worker.model.network.adain import PlainAdainOps
from worker.model.network.layers import Region, packed_region
from worker.model.network.placement import BLOCK

UNITS = [3, 14, 1]
SHAPES = [(2, 0, 10), (20, 0, 32), (120, 1, 16)]
"""Rows to a unit, rows more for each job, channels; of decoder and the generator's two stages, with fewer channels."""


def rows(place: Region, channels: int, dtype: Any, seed: int) -> Any:
    """Something everywhere, between jobs as well; one job's mean is far from 0."""
    made = torch.randn(1, place.inside.shape[1], channels, generator=torch.Generator().manual_seed(seed))
    made[:, : 20 * place.rows] += 50.0
    return made.to(dtype)


@pytest.fixture(autouse=True)
def _few_sums_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that short jobs have more than fit: what interprets is slow."""
    monkeypatch.setattr(adain_gpu, "PARTIALS", 4)
    monkeypatch.setattr(adain_gpu, "WIDE", 16)  # and more than one tile of channels


@pytest.fixture(params=SHAPES, ids=["decoder", "first stage", "second stage"])
def place(request: pytest.FixtureRequest) -> Region:
    rate, extra, _ = request.param
    return packed_region(Line(UNITS, spare=1).packing, rate, extra)


def channels_of(place: Region) -> int:
    return next(channels for rate, _, channels in SHAPES if place.rows == rate * BLOCK)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_they_are_the_plain_operators(place: Region, dtype: Any) -> None:
    channels = channels_of(place)
    plain, ours = PlainAdainOps(), TritonAdainOps()
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
    torch.testing.assert_close(
        ours.leaky(x, made, place, affine), plain.leaky(x, expected, place, affine), atol=coarse, rtol=coarse
    )
    (sum_, of_sum), (theirs, _) = ours.add(x, h, bias, place), plain.add(x, h, bias, place)
    torch.testing.assert_close(sum_, theirs, atol=coarse, rtol=coarse)
    for expect, these in zip(plain.statistics(sum_, place), of_sum, strict=True):
        torch.testing.assert_close(these[jobs], expect[jobs], atol=1e-4, rtol=1e-4)


def test_a_job_is_the_same_bit_by_bit_alone_and_on_a_line() -> None:
    ours, channels = TritonAdainOps(), 16
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
    ours, line = TritonAdainOps(), Line([4, 5])
    place = packed_region(line.packing, 20)
    bad, good = torch.full((80, 16), float("inf")), torch.randn(100, 16)
    affine = (torch.ones(3, 16), torch.zeros(3, 16))
    for joined in (line.join([bad, good]), line.join([bad.fill_(float("nan")), good])):
        _, made = line.cut(ours.snake(joined, ours.statistics(joined, place), place, affine, torch.ones(16)))
        assert torch.isfinite(made).all()


def test_the_trial_before_they_are_used_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adain, "_UNITS", (5, 1))
    apart = difference(TritonAdainOps(), torch.device("cpu"), torch.bfloat16, channels=8)
    assert 0 < apart < 8 * torch.finfo(torch.bfloat16).eps
