"""One tenant floods with books; does another, who asks for single sentences, still hear at once?

    python -m bench.fairness                              4 fake workers of 25, 200 books, 100 sentences
    python -m bench.fairness --workers 1 --speed 100
    python -m bench.fairness --batch                      the flood is one batch of 200 lines, each a book

A fleet of its own with two tenants and fake workers of a fixed speed. First one tenant's sentences alone, one after the
other; then 200 book-length streams of the other, whose listeners (a process of their own) take all they can get, and
the same sentences again.
Prints first audio of both, the ratio of their p95 (aim: at most 2), and how busy all that kept the workers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import random
import tempfile
import time
from collections.abc import Iterator, Sequence

import httpx

from bench.load.client import Caller, Outcome, new_client
from bench.load.fleet import audio_made, running_fleet
from bench.load.mix import Ask
from bench.load.report import percentile
from bench.texts import text_of

ADMIN_KEY = "the-operators"
BOOK_CHARACTERS = 40_000
PATIENCE_S = 3600.0
"""Of those who read books: chunks of one tenant wait for each other, minutes where it asks for 200 books at once."""
SENTENCE_CHARACTERS = 80
MEAN_GAP_S = 0.1
SETTLED_BATCH_S = 500.0
"""Audio after which a batch is well under way."""
SETTLED_AUDIO_S = 10.0
"""Once the workers have made so much for every book, all of them are past their first chunks."""


async def sentences(caller: Caller, count: int) -> list[Outcome]:
    """One listener who asks, hears all, and soon asks again."""
    gaps = random.Random(0)  # noqa: S311 - when a request comes, not a secret
    outcomes = []
    for number in range(count):
        outcomes.append(await caller.call(Ask("reply", number, text_of(SENTENCE_CHARACTERS, number))))
        await asyncio.sleep(gaps.expovariate(1 / MEAN_GAP_S))
    return outcomes


def key_of(url: str, tenant_id: str) -> str:
    """Make a tenant and a key of it. Raises httpx.HTTPError."""
    with httpx.Client(base_url=url, headers={"x-api-key": ADMIN_KEY}, timeout=10, trust_env=False) as admin:
        admin.post("/admin/tenants", json={"id": tenant_id}).raise_for_status()
        made = admin.post(f"/admin/tenants/{tenant_id}/keys", json={}).raise_for_status()
        return str(made.json()["key"])


async def read_books(url: str, key: str, count: int) -> None:
    """Listen to ``count`` books at once. Raises SystemExit if any ends, as none should while it matters."""
    async with new_client(PATIENCE_S, key) as client:
        caller = Caller(client, url)
        texts = [text_of(BOOK_CHARACTERS, number) for number in range(count)]
        books = [asyncio.create_task(caller.call(Ask("page", number, text))) for number, text in enumerate(texts)]
        done, _ = await asyncio.wait(books, return_when=asyncio.FIRST_COMPLETED)
        raise SystemExit(f"a book ended: {done.pop().result().error or 'whole'}")


def flood(url: str, key: str, count: int) -> None:
    asyncio.run(read_books(url, key, count))


@contextlib.contextmanager
def batch_under_way(url: str, key: str, count: int) -> Iterator[None]:
    """A batch of ``count`` books is spoken meanwhile. Raises SystemExit if it was not until the end."""
    with httpx.Client(base_url=f"{url}/v1", headers={"x-api-key": key}, timeout=60, trust_env=False) as client:
        lines = [_batch_line(number, text_of(BOOK_CHARACTERS, number)) for number in range(count)]
        form = {"file": ("books.jsonl", "\n".join(lines))}
        file_id = client.post("/files", data={"purpose": "batch"}, files=form).raise_for_status().json()["id"]
        asked = {"input_file_id": file_id, "endpoint": "/v1/audio/speech", "completion_window": "24h"}
        batch_id = client.post("/batches", json=asked).raise_for_status().json()["id"]
        before = audio_made(url, ADMIN_KEY)
        while audio_made(url, ADMIN_KEY) - before < SETTLED_BATCH_S:
            time.sleep(0.2)
        yield
        if client.get(f"/batches/{batch_id}").json()["status"] != "in_progress":
            raise SystemExit("the batch ended too soon")


def _batch_line(number: int, text: str) -> str:
    body = {"model": "kokoro", "input": text, "response_format": "pcm"}
    return json.dumps({"custom_id": f"{number}", "method": "POST", "url": "/v1/audio/speech", "body": body})


@contextlib.contextmanager
def flooding(url: str, key: str, count: int) -> Iterator[None]:
    """Books are read meanwhile, by a process of its own. Raises SystemExit if they were not until the end."""
    reader = multiprocessing.get_context("spawn").Process(target=flood, args=(url, key, count))
    reader.start()
    try:
        before = audio_made(url, ADMIN_KEY)
        while audio_made(url, ADMIN_KEY) - before < count * SETTLED_AUDIO_S:
            time.sleep(0.2)
        yield
        if not reader.is_alive():
            raise SystemExit("the flood ended too soon")
    finally:
        reader.terminate()
        reader.join()


async def listen(url: str, key: str, count: int) -> list[Outcome]:
    async with new_client(key=key) as client:
        return await sentences(Caller(client, url), count)


def first_audio(outcomes: Sequence[Outcome], percent: float) -> float:
    return percentile([each.first_s for each in outcomes if each.first_s is not None], percent) or float("nan")


def line(name: str, outcomes: Sequence[Outcome]) -> str:
    failed = sum(outcome.error is not None for outcome in outcomes)
    said = " ".join(f"p{percent} {first_audio(outcomes, percent):.3f}" for percent in (50, 95, 99))
    return f"{name:>8}: {len(outcomes)} sentences, first audio {said} s, {failed} failed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--speed", type=float, default=25.0, help="audio seconds a second of each worker")
    parser.add_argument("--books", type=int, default=200)
    parser.add_argument("--batch", action="store_true", help="the books are lines of a batch")
    parser.add_argument("--sentences", type=int, default=100)
    options = parser.parse_args()
    # Whoever reads 200 books at once is not refused: what is shown is who waits for whom.
    settings = {"MAX_QUEUE_WAIT_S": "600", "ADMIN_API_KEY": ADMIN_KEY}
    beginning = batch_under_way if options.batch else flooding
    with (
        tempfile.TemporaryDirectory() as folder,
        running_fleet(options.workers, options.speed, settings | {"STORAGE_URL": folder}) as fleet,
    ):
        patient, greedy = key_of(fleet.url, "patient"), key_of(fleet.url, "greedy")
        asyncio.run(listen(fleet.url, patient, 5))
        alone = asyncio.run(listen(fleet.url, patient, options.sentences))
        print(line("alone", alone), flush=True)
        with beginning(fleet.url, greedy, options.books):
            made, since = audio_made(fleet.url, ADMIN_KEY), time.perf_counter()
            beside = asyncio.run(listen(fleet.url, patient, options.sentences))
            rate = (audio_made(fleet.url, ADMIN_KEY) - made) / (time.perf_counter() - since)
    print(line("flooded", beside))
    print(f"first audio p95, flooded / alone: {first_audio(beside, 95) / first_audio(alone, 95):.2f}")
    capacity = options.workers * options.speed
    print(f"workers made {rate:.0f} audio seconds a second, {rate / capacity:.0%} of the {capacity:.0f} that they can")


if __name__ == "__main__":
    main()
