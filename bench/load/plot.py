"""A run as a picture: first audio as requests came, its distribution, streams' pace, and what was delivered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.load.client import Outcome
from bench.load.mix import KINDS


def draw(outcomes: Sequence[Outcome], title: str, path: Path) -> None:
    """Write a PNG. Raises ModuleNotFoundError without matplotlib, which the extra ``bench`` brings."""
    from matplotlib.figure import Figure  # type: ignore[import-not-found,unused-ignore]

    figure = Figure(figsize=(12, 8), layout="constrained")
    arrivals, distribution, pace, delivered = figure.subplots(2, 2).flat
    for kind in KINDS:
        heard = [outcome for outcome in outcomes if outcome.kind == kind.name and outcome.error is None]
        first = [outcome.first_s or 0.0 for outcome in heard]
        arrivals.scatter([outcome.started_s for outcome in heard], first, s=8, label=kind.name)
        if heard:
            distribution.ecdf(first, label=kind.name)
            pace.ecdf([outcome.realtime_factor for outcome in heard], label=kind.name)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    arrivals.scatter(
        [each.started_s for each in failed], [0.0] * len(failed), s=12, c="red", marker="x", label="failed"
    )
    arrivals.set(xlabel="request came, s", ylabel="first audio, s")
    distribution.set(xlabel="first audio, s", ylabel="share of requests")
    pace.axvline(1.0, color="grey", linewidth=0.8)
    pace.set(xlabel="audio seconds a second of the stream", ylabel="share of requests", xscale="log")
    _delivered(delivered, outcomes)
    for axes in (arrivals, distribution, pace):
        if axes.get_legend_handles_labels()[1]:
            axes.legend(loc="best")
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _delivered(axes: Any, outcomes: Sequence[Outcome]) -> None:
    """Audio of whole requests by the second in which they ended, and how many were under way."""
    seconds = range(int(max((each.started_s + each.total_s for each in outcomes), default=0.0)) + 1)
    audio_s = [0.0 for _ in seconds]
    under_way = [0 for _ in seconds]
    for outcome in outcomes:
        ended = outcome.started_s + outcome.total_s
        if outcome.error is None:
            audio_s[int(ended)] += outcome.audio_s
        for second in range(int(outcome.started_s), int(ended) + 1):
            under_way[second] += 1
    axes.bar(seconds, audio_s, width=1.0, alpha=0.5, label="audio of requests that ended, s")
    axes.plot(seconds, under_way, color="black", label="under way")
    axes.set(xlabel="s")
    axes.legend(loc="best")
