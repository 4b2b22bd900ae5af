"""An engine alone, without Redis, gateway or text frontend; another one beside it, turn by turn in the same run.

    python -m bench.engine --engine onnx --threads 2 --baseline reference
    python -m bench.engine --engine onnx --engine-graph int8.onnx --against-graph float32.onnx --jobs 24
    python -m bench.engine --engine onnx --threads 1 --concurrency 2
    python -m bench.engine --engine cuda --jobs 512 --baseline reference --baseline-jobs 16

Speaks a fixed list of jobs of mixed length (15 to 450 tokens, 150 on average), in eight voices at speeds of 0.8 to 1.3.
Runs from a plain checkout with numpy and the engine's own library. On a machine that does other things, read the
ratio: the two take turns, each in a process of its own, so what slows one slows the other.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import random
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.contender import (
    Closing,
    Contender,
    EngineName,
    EngineSpec,
    Run,
    add_torch_options,
    torch_options,
)
from bench.jobs import BenchJob, batches, bench_jobs, padding_waste
from worker.engine.base import EngineError

DEFAULT_JOBS = {"cuda": 512, "fake": 512, "onnx": 24, "reference": 12}
DEFAULT_BASELINE_JOBS = 12

Batches = list[list[BenchJob]]


@dataclass(frozen=True, slots=True)
class Block:
    """Batches for the engine, and jobs among theirs for the baseline, measured one right after the other."""

    batches: Batches
    baseline_jobs: list[BenchJob]


@dataclass(slots=True)
class Measured:
    """One side: its runs, block by block."""

    runs: list[Run] = field(default_factory=list)
    closing: Closing = field(default_factory=lambda: Closing({}, {}))

    @property
    def total(self) -> Run:
        return Run(
            sum(run.wall_s for run in self.runs),
            sum(run.audio_s for run in self.runs),
            tuple(took_s for run in self.runs for took_s in run.batch_s),
        )


def blocks(formed: Batches, count: int, at_once: int) -> list[Block]:
    """Cut the batches into ``count`` blocks of at least ``at_once`` each, with a job of each for the baseline."""
    count = max(1, min(count, len(formed) // at_once))
    bounds = [len(formed) * number // count for number in range(count + 1)]
    chosen = random.Random(0)  # noqa: S311 - a sample, not a secret
    return [
        Block(formed[start:end], [chosen.choice([job for batch in formed[start:end] for job in batch])])
        for start, end in itertools.pairwise(bounds)
    ]


def measure(
    engine: Contender, baseline: Contender | None, work: Sequence[Block], at_once: int
) -> tuple[Measured, Measured]:
    """Run every block on both, the baseline first in every other block."""
    ours, theirs = Measured(), Measured()
    for number, block in enumerate(work):
        turns = [(engine, ours, block.batches, at_once)]
        if baseline is not None:
            turns.append((baseline, theirs, [[job] for job in block.baseline_jobs], 1))
        for contender, measured, formed, concurrency in turns if number % 2 == 0 else reversed(turns):
            measured.runs.append(contender.run(formed, concurrency))
        progress = f"{number + 1}/{len(work)}: {ours.runs[-1].realtime_factor:.2f} x real time"
        if theirs.runs:
            progress += f", baseline {theirs.runs[-1].realtime_factor:.2f}"
        print(progress, file=sys.stderr, flush=True)
    ours.closing = engine.close()
    if baseline is not None:
        theirs.closing = baseline.close()
    return ours, theirs


def summary(ours: Measured, theirs: Measured, formed: Batches) -> dict[str, Any]:
    """All figures, by name."""
    total = ours.total
    lengths = [len(job.token_ids) for batch in formed for job in batch]
    figures: dict[str, Any] = {
        "jobs": len(lengths),
        "tokens_mean": round(statistics.mean(lengths), 1),
        "batches": len(formed),
        "realtime_factor": round(total.realtime_factor, 3),
        "audio_s": round(total.audio_s, 1),
        "wall_s": round(total.wall_s, 2),
        "batch_p50_ms": round(float(np.percentile(total.batch_s, 50)) * 1000, 1),
        "batch_p95_ms": round(float(np.percentile(total.batch_s, 95)) * 1000, 1),
        "batches_at_once": round(sum(total.batch_s) / total.wall_s, 2),
        "padding_waste": {
            stage: round(waste, 3)
            for stage, waste in (ours.closing.padding_waste or {"batches": padding_waste(formed)}).items()
        },
        "peak_mb": {name: round(peak) for name, peak in ours.closing.peak_mb.items()},
    }
    if theirs.runs:
        ratios = sorted(
            one.realtime_factor / other.realtime_factor for one, other in zip(ours.runs, theirs.runs, strict=True)
        )
        figures["baseline"] = {
            "jobs": len(theirs.runs),
            "realtime_factor": round(theirs.total.realtime_factor, 3),
            "peak_mb": {name: round(peak) for name, peak in theirs.closing.peak_mb.items()},
            "ratio_median": round(statistics.median(ratios), 3),
            "ratio_least": round(ratios[0], 3),
            "ratio_most": round(ratios[-1], 3),
            "ratio_of_totals": round(total.realtime_factor / theirs.total.realtime_factor, 3),
        }
    return figures


def specs(options: argparse.Namespace) -> tuple[EngineSpec, EngineSpec | None]:
    """The engine asked for, and what to hold it against."""
    engine = EngineSpec(
        options.engine,
        options.model_dir,
        options.voices_dir,
        options.engine_graph,
        options.threads,
        fake_speed=options.fake_speed,
        **torch_options(options),
    )
    against: EngineName | Literal["none"] = "onnx" if options.against_graph else options.baseline
    if against == "none":
        return engine, None
    threads = options.threads if options.baseline_threads is None else options.baseline_threads
    return engine, EngineSpec(against, options.model_dir, options.voices_dir, options.against_graph, threads)


def main() -> None:
    options = _options()
    engine, baseline = specs(options)
    jobs = bench_jobs(options.jobs or DEFAULT_JOBS[options.engine], options.seed)
    try:
        with ExitStack() as stack:
            ours = stack.enter_context(Contender(engine))
            theirs = stack.enter_context(Contender(baseline)) if baseline else None
            formed = list(batches(jobs, ours.capabilities))
            at_once = options.concurrency or ours.capabilities.batches_at_once
            work = blocks(formed, options.baseline_jobs, at_once)
            measured = measure(ours, theirs, work, at_once)
            figures = {**summary(*measured, formed), "warm_up_s": round(ours.warm_up_s, 2)}
    except EngineError as error:
        sys.exit(f"{options.engine}: {error}")
    figures = {"engine": options.engine, "machine": platform.processor() or platform.machine(), **figures}
    show(figures)
    if options.report:
        options.report.write_text(json.dumps(figures, indent=1) + "\n")


def show(figures: dict[str, Any]) -> None:
    for name, value in figures.items():
        if isinstance(value, dict):
            for part, number in value.items():
                print(f"{name + ' ' + part:<26} {number}")
        else:
            print(f"{name:<26} {value}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    model_dir = Path(os.environ.get("MODEL_DIR", "models"))
    voices_dir = Path(os.environ.get("VOICES_DIR", model_dir / "voices"))
    parser.add_argument("--engine", choices=list(DEFAULT_JOBS), required=True)
    parser.add_argument("--jobs", type=int, help=f"how many; by default {DEFAULT_JOBS}")
    parser.add_argument("--seed", type=int, default=0, help="another list of jobs")
    parser.add_argument("--threads", type=int, default=0, help="for one operator; 0: as many as there are cores")
    parser.add_argument("--concurrency", type=int, default=0, help="batches at once; 0: as the engine likes")
    parser.add_argument("--engine-graph", type=Path, help="an ONNX file instead of the one built in --model-dir")
    parser.add_argument("--baseline", choices=["none", "reference", "onnx", "fake"], default="none")
    parser.add_argument("--baseline-jobs", type=int, default=DEFAULT_BASELINE_JOBS, help="of the same jobs")
    parser.add_argument("--baseline-threads", type=int, help="by default as --threads")
    parser.add_argument("--against-graph", type=Path, help="compare with this ONNX file; implies --baseline onnx")
    add_torch_options(parser)
    parser.add_argument("--fake-speed", type=float, default=0.0, help="realtime factor that the fake engine pretends")
    parser.add_argument("--model-dir", type=Path, default=model_dir)
    parser.add_argument("--voices-dir", type=Path, default=voices_dir)
    parser.add_argument("--report", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    if options.concurrency < 0 or options.baseline_jobs < 1 or (options.jobs is not None and options.jobs < 1):
        parser.error("--jobs and --baseline-jobs start at 1, --concurrency at 0")
    return options


if __name__ == "__main__":
    main()
