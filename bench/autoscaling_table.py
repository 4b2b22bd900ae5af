"""Prints how the chart's autoscaling does: `python -m bench.autoscaling_table --plot docs/deploy-autoscaling.png`."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.autoscaling import HOUR, TRACES, Outcome, Policy, policies, run, workers_for


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", type=Path, help="a picture of the chart's policy over all traces")
    arguments = parser.parse_args()
    print("| trace | policy | wait p50 / p99 / most, s | refused | turns | replicas | utilization |")
    print("|---|---|---|---|---|---|---|")
    for name, (trace, seconds) in TRACES.items():
        for label, policy in policies().items():
            _print_row(name, label, run(trace, seconds, policy, workers_for(name)))
    if arguments.plot:
        _plot(arguments.plot)


def _print_row(trace: str, label: str, outcome: Outcome) -> None:
    waits = " / ".join(f"{outcome.wait_s(share):.1f}" for share in (0.5, 0.99, 1.0))
    sizes = f"{min(outcome.replicas)} to {max(outcome.replicas)}"
    figures = f"{waits} | {outcome.refused:.1%} | {outcome.turns} | {sizes} | {outcome.utilization:.0%}"
    print(f"| {trace} | {label} | {figures} |")


def _plot(path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(TRACES), 1, figsize=(9, 2.1 * len(TRACES)), layout="constrained")
    for axis, (name, (trace, seconds)) in zip(axes, TRACES.items(), strict=True):
        workers = workers_for(name)
        outcome = run(trace, seconds, Policy.of_the_chart(), workers)
        step = max(1, seconds // 1000)
        hours = [at / HOUR for at in range(0, seconds, step)]
        axis.plot(
            hours, [trace(at) / workers.capacity for at in range(0, seconds, step)], label="asked for, in workers"
        )
        axis.step(hours, outcome.replicas[::step], where="post", label="workers")
        axis.set_title(name, fontsize=9, loc="left")
    axes[0].legend(fontsize=8)
    axes[-1].set_xlabel("hours")
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
