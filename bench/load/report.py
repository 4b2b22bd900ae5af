"""What a run comes to: percentiles, errors by kind, goodput against capacity; as a dict, and as lines to read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench.load.client import Outcome
from bench.load.mix import KINDS

PERCENTILES = (50, 95, 99)
SMOOTH_S = 0.02
"""Silence that nobody hears in a stream: below it a stream counts as without underrun."""


def percentile(values: Sequence[float], percent: float) -> float | None:
    """By nearest rank; None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)] if ordered else None


def summary(outcomes: Sequence[Outcome], capacity: float, alone: Mapping[int, Outcome] | None = None) -> dict[str, Any]:
    """``capacity``: audio seconds a second of all workers, 0 where unknown. ``alone``: how each text sounds alone, by
    number; without it whether audio is right is not said.
    """
    whole = [outcome for outcome in outcomes if outcome.error is None]
    took_s = max((outcome.started_s + outcome.total_s for outcome in outcomes), default=0.0)
    goodput = sum(outcome.audio_s for outcome in whole) / took_s if took_s else 0.0
    return {
        "requests": len(outcomes),
        "whole": len(whole),
        "errors": dict(Counter(outcome.error for outcome in outcomes if outcome.error is not None)),
        "not_as_alone": None if alone is None else _not_as_alone(whole, alone),
        "took_s": took_s,
        "audio_s": sum(outcome.audio_s for outcome in whole),
        "goodput": goodput,
        "capacity": capacity,
        "goodput_of_capacity": goodput / capacity if capacity else None,
        "retry_after_s": _percentiles([each.retry_after_s for each in outcomes if each.retry_after_s is not None]),
        "all": _heard(whole),
        **{kind.name: _heard([outcome for outcome in whole if outcome.kind == kind.name]) for kind in KINDS},
    }


def lines(result: Mapping[str, Any]) -> list[str]:
    """A summary for people."""
    wrong = result["not_as_alone"]
    checked = "" if wrong is None else f", {wrong} not as alone"
    said = [f"{result['requests']} requests in {result['took_s']:.1f} s, {result['whole']} whole{checked}"]
    said += [f"  {count} x {error}" for error, count in sorted(result["errors"].items())]
    share = result["goodput_of_capacity"]
    of_capacity = "" if share is None else f", {share:.0%} of the {result['capacity']:.0f} that the workers can make"
    said.append(f"goodput {result['goodput']:.1f} audio seconds a second{of_capacity}")
    if result["retry_after_s"]["p50"] is not None:
        said.append(f"told to come back after {_written(result['retry_after_s'])} s")
    for name in ("all", *(kind.name for kind in KINDS)):
        heard = result[name]
        if heard["requests"]:
            said.append(
                f"{name:>9}: {heard['requests']:5}, first audio {_written(heard['first_s'])} s,"
                f" realtime factor p50 {heard['realtime_factor']['p50']:.2f} least {heard['slowest']:.2f},"
                f" {heard['with_underrun']} with underruns, worst {heard['worst_underrun_s']:.2f} s"
            )
    return said


def _heard(whole: Sequence[Outcome]) -> dict[str, Any]:
    factors = [outcome.realtime_factor for outcome in whole]
    return {
        "requests": len(whole),
        "first_s": _percentiles([outcome.first_s for outcome in whole if outcome.first_s is not None]),
        "total_s": _percentiles([outcome.total_s for outcome in whole]),
        "realtime_factor": _percentiles(factors),
        "slowest": min(factors, default=None),
        "with_underrun": sum(outcome.underrun_s > SMOOTH_S for outcome in whole),
        "worst_underrun_s": max((outcome.underrun_s for outcome in whole), default=None),
    }


def _not_as_alone(whole: Sequence[Outcome], alone: Mapping[int, Outcome]) -> int:
    return sum(outcome.digest != alone[outcome.text_number].digest for outcome in whole)


def _percentiles(values: Sequence[float]) -> dict[str, float | None]:
    return {f"p{percent}": percentile(values, percent) for percent in PERCENTILES}


def _written(percentiles: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in percentiles.items())
