"""First audio: over HTTP, as a listener hears it, or of an engine alone.

    python -m bench.first_audio                              one sentence and 1,000 characters, ten runs each, idle
    python -m bench.first_audio --clients 4                  the same with four such clients at once
    python -m bench.first_audio --characters 100 100000 --first-only
    python -m bench.first_audio --engine onnx --load         single jobs of 10 to 60 tokens; needs no service library

Over HTTP: a line per length, with p50 and p95 of the first bytes of pcm (headers are not audio) beside the whole time,
and the worst underrun: how long a player that starts with the first byte was silent. Every run has another text.
With --engine: p50 and p95 of one job on an idle engine and, with --load, of a job that comes while the engine is
kept busy with batches: it waits until one of those that run has ended, then runs with others as a batch may hold.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from bench.contender import EngineSpec, add_torch_options, build_engine, torch_options
from bench.corpus import LANGUAGE_BY_LETTER, SENTENCES, corpus
from bench.jobs import bench_jobs
from bench.listener import Heard, listen, p50, p95
from bench.texts import text_of
from shared.vocabulary import token_ids
from worker.engine.base import Engine, EngineError, EngineJob
from worker.voices import StyleSource

ENGINE_TOKENS = (10, 20, 30, 40, 50, 60)
BACKGROUND_JOBS = 512

MAX_BATCH_S = 0.3
"""As ``worker.scheduler`` has it, which needs a library of the service's."""


def measure_service(options: argparse.Namespace) -> None:
    listen(options.url, "Warm up.", options.voice)
    numbers = itertools.count()

    def one(characters: int) -> Heard:
        text = text_of(characters, seed=next(numbers))
        return listen(options.url, text, options.voice, first_only=options.first_only)

    baseline_s = 0.0
    for characters in options.characters:
        with ThreadPoolExecutor(options.clients) as clients:
            heard = list(clients.map(one, [characters] * (options.runs * options.clients)))
        baseline_s = baseline_s or p50([each.first_s for each in heard])
        print(_line(characters, heard, baseline_s, options.first_only), flush=True)


def _line(characters: int, heard: Sequence[Heard], baseline_s: float, first_only: bool) -> str:
    first = [each.first_s for each in heard]
    line = f"{f'{characters} characters' if characters > 1 else 'one sentence':>17}, {len(heard)} requests:"
    line += f" first audio p50 {p50(first):6.3f} p95 {p95(first):6.3f} s (x{p50(first) / baseline_s:.2f})"
    if first_only:
        return line
    total, audio = [each.total_s for each in heard], [each.audio_s for each in heard]
    underrun = max(each.underrun_s for each in heard)
    return (
        f"{line}, whole p50 {p50(total):7.2f} p95 {p95(total):7.2f} s of {p50(audio):6.1f} s audio"
        f" (realtime factor {p50(audio) / p50(total):5.2f}), worst underrun {underrun:5.2f} s"
    )


def measure_engine(options: argparse.Namespace) -> None:
    voices = options.voices_dir or options.model_dir / "voices"
    spec = EngineSpec(
        options.engine,
        options.model_dir,
        voices,
        options.graph,
        options.threads,
        fake_speed=options.fake_speed,
        **torch_options(options),
    )
    engine, styles = build_engine(spec)
    engine.warm_up()
    busy_s = Busy(engine, styles).time if options.load else None
    for tokens in ENGINE_TOKENS:
        jobs = list(itertools.islice(_probes(tokens, options.voice, styles), options.runs + 1))
        _took_s(engine, jobs.pop())  # the first at a length pays for memory
        idle = [_took_s(engine, job) for job in jobs]
        line = f"{tokens:3} tokens: idle p50 {p50(idle) * 1000:8.1f} p95 {p95(idle) * 1000:8.1f} ms"
        if busy_s:
            busy = [busy_s(job) for job in jobs]
            line += f", under load p50 {p50(busy) * 1000:8.1f} p95 {p95(busy) * 1000:8.1f} ms"
        print(line, flush=True)


def _probes(tokens: int, voice: str, styles: StyleSource) -> Iterator[EngineJob]:
    """The beginnings of sentences."""
    for line in itertools.cycle(corpus(SENTENCES)):
        phonemes = line.phonemes[LANGUAGE_BY_LETTER[voice[0]]]
        if len(phonemes) >= tokens:
            ids = token_ids(phonemes[:tokens])
            yield EngineJob(ids, styles.style([(voice, 1.0)], len(ids)), speed=1.0, seed=0)


def _took_s(engine: Engine, *batch: EngineJob) -> float:
    """Seconds for a batch. Raises EngineError if a job of it failed."""
    started = time.perf_counter()
    for spoken in engine.synthesise(batch):
        if isinstance(spoken, EngineError):
            raise spoken
    return time.perf_counter() - started


class Busy:
    """An engine with more to do than it can, as a worker keeps it: always as many batches as it runs at once, each of
    as many jobs as fit MAX_BATCH_S all together."""

    def __init__(self, engine: Engine, styles: StyleSource) -> None:
        self._engine = engine
        self._at_once = engine.capabilities.batches_at_once
        self._most = engine.capabilities.max_batch_jobs
        self._threads = ThreadPoolExecutor(self._at_once)
        self._moments = random.Random(0)  # noqa: S311 - when a job comes, not a secret
        self._background = itertools.cycle(
            EngineJob(job.token_ids, styles.style([(job.voice, 1.0)], len(job.token_ids)), job.speed, job.seed)
            for job in bench_jobs(BACKGROUND_JOBS)
        )
        batch = self._batch()
        self._batch_s = _took_s(engine, *batch)
        self._most = max(1, min(self._most, int(len(batch) * MAX_BATCH_S / self._at_once / self._batch_s)))
        self._running: set[Future[float]] = set()

    def time(self, job: EngineJob) -> float:
        """Seconds from the coming of ``job``, at any moment of a running batch, to its audio."""
        while len(self._running) < self._at_once:
            self._running.add(self._threads.submit(_took_s, self._engine, *self._batch()))
        time.sleep(min(self._batch_s, MAX_BATCH_S / self._at_once) * self._moments.random())
        came = time.perf_counter()
        done, self._running = wait(self._running, return_when=FIRST_COMPLETED)
        ours = self._threads.submit(_took_s, self._engine, *self._batch(job))
        for each in (*done, ours):
            each.result()
        return time.perf_counter() - came

    def _batch(self, *urgent: EngineJob) -> list[EngineJob]:
        """As many jobs as the engine's padded budget holds, ``urgent`` ones first."""
        limits, batch = self._engine.capabilities, list(urgent)
        for job in self._background:
            longest = max(len(each.token_ids) for each in [*batch, job])
            if batch and (len(batch) >= self._most or longest * (len(batch) + 1) > limits.max_batch_tokens):
                return batch
            batch.append(job)
        raise AssertionError("the background never ends")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--voice", default="af_heart")
    service = parser.add_argument_group("over HTTP")
    service.add_argument("--url", default="http://localhost:8880")
    service.add_argument("--characters", type=int, nargs="+", default=[1, 1000], help="1: one sentence")
    service.add_argument("--clients", type=int, default=1, help="requests at once; each makes --runs of them")
    service.add_argument("--first-only", action="store_true", help="hang up after the first audio")
    alone = parser.add_argument_group("an engine alone")
    alone.add_argument("--engine", choices=["onnx", "cuda", "reference", "fake"])
    alone.add_argument("--load", action="store_true", help="also while the engine is kept busy")
    alone.add_argument("--model-dir", type=Path, default=Path("models"))
    alone.add_argument("--voices-dir", type=Path, help="default: voices in --model-dir")
    alone.add_argument("--graph", type=Path, help="an ONNX file; default: the one built in --model-dir")
    alone.add_argument("--threads", type=int, default=0)
    add_torch_options(parser)
    alone.add_argument("--fake-speed", type=float, default=0.0)
    options = parser.parse_args()
    measure: Callable[[argparse.Namespace], None] = measure_engine if options.engine else measure_service
    measure(options)


if __name__ == "__main__":
    main()
