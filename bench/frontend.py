"""How fast text becomes phonemes: one core, each language, and what the pool of processes costs.

    python -m bench.frontend
    python -m bench.frontend --languages en-us ja

Per language: seconds to load, characters a second after warm-up (the best of three rounds of processor time), resident
megabytes that it adds. Then the pool: its start, its processes' memory, and the first chunk of a long text against
that of a short one. Languages whose extra is not installed are named and left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import Sequence

import psutil

from bench.novel import novel
from bench.passages import PASSAGES
from gateway.text.aligned import AlignedText
from gateway.text.chunker import ChunkLimits
from gateway.text.core import chunk_text
from gateway.text.frontend import TextFrontend
from gateway.text.languages import Language, is_installed
from gateway.text.phonemisers import g2p_for
from gateway.text.process import process_id
from gateway.text.reading import Reading
from gateway.text.segments import Script, Speech, Style

CHARACTERS = 40_000
ROUNDS = 3
FIRST_CHUNK_ROUNDS = 15
SHORT, LONG = 100, 500_000


def text_in(language: Language, characters: int = CHARACTERS) -> str:
    if language in {Language.EN_US, Language.EN_GB}:
        return novel(characters)[:characters]
    passage = PASSAGES[language]
    return passage * (characters // len(passage) + 1)


def measure(language: Language) -> str:
    before_mb = resident_mb()
    started = time.perf_counter()
    g2p = g2p_for(language)
    list(chunk_text(text_in(language, 400), g2p, language=language))
    load_s = time.perf_counter() - started
    text = text_in(language)
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        num_tokens = sum(len(chunk.token_ids) for chunk in chunk_text(text, g2p, language=language))
        rounds.append(time.process_time() - started)
    added_mb = resident_mb() - before_mb
    return f"{len(text) / min(rounds):10,.0f} {num_tokens / min(rounds):10,.0f} {load_s:8.1f} {added_mb:8.0f}"


def resident_mb(pid: int | None = None) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def measure_pool() -> None:
    asyncio.run(_measure_pool())


async def _measure_pool() -> None:
    started = time.perf_counter()
    async with TextFrontend(ChunkLimits(), processes=1) as frontend:
        print(f"\npool of one process: ready after {time.perf_counter() - started:.1f} s, ", end="")
        child = psutil.Process(await frontend._pool.run(process_id))  # noqa: SLF001 - measured from outside
        own, shared = child.memory_full_info(), child.parent()
        server_mb = resident_mb(shared.pid) if shared else 0.0
        print(f"{own.rss / 1e6:.0f} MB, of which {own.uss / 1e6:.0f} MB its own; the fork server {server_mb:.0f} MB")
        short, long = novel(LONG)[:SHORT], novel(LONG)[:LONG]
        times: dict[int, list[float]] = {len(short): [], len(long): []}
        for _ in range(FIRST_CHUNK_ROUNDS):
            for text in (short, long):
                times[len(text)].append(await first_chunk_s(frontend, text))
        first, other = (statistics.median(each) * 1000 for each in times.values())
        print(
            f"first chunk of {SHORT} characters {first:.1f} ms, of {LONG:,} {other:.1f} ms: {other / first:.2f} times"
        )


async def first_chunk_s(frontend: TextFrontend, text: str) -> float:
    started = time.perf_counter()
    script = Script((Speech(AlignedText.of(text), Style((("af_heart", 1.0),), Language.EN_US)),))
    async with contextlib.aclosing(frontend.parts(script, Reading())) as parts:
        await anext(parts)
        return time.perf_counter() - started


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", nargs="+", type=Language, default=list(Language))
    options = parser.parse_args(arguments)
    print(f"{'language':8} {'chars/s':>10} {'tokens/s':>10} {'load s':>8} {'MB':>8}")
    for language in options.languages:
        print(f"{language:8} {measure(language) if is_installed(language) else '  not installed'}", flush=True)
    measure_pool()


if __name__ == "__main__":
    main()
