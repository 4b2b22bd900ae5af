"""Crews, real Redis and files, and a kind of work that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis

from gateway.batch.errors import BatchRefused
from gateway.batch.files import BATCH_OUTPUT, FileCard, Files
from gateway.batch.lines import fault
from gateway.batch.owners import Owners
from gateway.batch.records import new_batch
from gateway.metering import Meter
from gateway.runner.crew import Crew
from gateway.runner.kinds import Finished, Items
from gateway.storage import Storage
from shared.errors import FleetError, InvalidValue, NoWorkers, SynthesisFailed
from shared.streams.batches import OVER, BatchRecord, BatchStore, Claim, Settled
from shared.streams.files import FileStore
from shared.streams.tenants import TenantStore
from shared.tenants import EVERYBODY, Tenant

BEAT_S = 0.05
MAX_TRIES = 3


@dataclass
class Toy:
    """Its items are words: what is to be done. ``tried`` counts what was begun, ``open`` lets the slow go on."""

    files: Files
    tried: Counter[str] = field(default_factory=Counter)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    cut_off: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    tidying_s: float = 0.0

    async def check(self, batch: BatchRecord, items: Items) -> None:
        if not batch.request["words"]:
            raise BatchRefused([fault("empty_file", "Nothing is there.", None)])
        for place, word in enumerate(batch.request["words"]):
            await items.add(f"{word} {place}".encode(), 10)

    async def work(self, batch: BatchRecord, claim: Claim) -> Settled:
        name = claim.item.decode()
        word = name.partition(" ")[0]
        self.tried[name] += 1
        if word == "bad":
            raise InvalidValue("It cannot be done.")
        if word == "flaky" and self.tried[name] < MAX_TRIES:
            raise NoWorkers("Not now.")
        if word == "hopeless":
            raise SynthesisFailed("Never.", code="synthesis_failed")
        if word == "buggy":
            raise RuntimeError("a fault of ours")
        if word == "slow":
            try:
                await self.open.wait()
            except asyncio.CancelledError:
                self.cut_off.append(name)
                raise
        card = FileCard(batch.tenant_id, BATCH_OUTPUT, name, "text/plain", 3600)
        record = await self.files.write(card, _once(name.encode()))
        return Settled(True, name.encode(), 10, 0.1, [record])

    def refused(self, batch: BatchRecord, error: FleetError) -> Settled:
        del batch
        return Settled(False, error.code.encode())

    async def finish(self, batch: BatchRecord) -> Finished:
        return Finished({"done": batch.done}, keeps_results=True)

    async def ended(self, batch: BatchRecord) -> None:
        await asyncio.sleep(self.tidying_s)
        self.ends.append(batch.id)


async def _once(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


class Yard:
    """Crews that share one Redis and one folder."""

    def __init__(self, redis: Redis, folder: Path, meter: Meter) -> None:
        self.redis = redis
        self.folder = folder
        self.store = BatchStore(redis, heartbeat_s=BEAT_S)
        self.files = Files(FileStore(redis), Storage.at(str(folder)))
        self.tenants = TenantStore(redis)
        self.meter = meter
        self.announced: list[str] = []
        self.has_workers = True

    def toy(self) -> Toy:
        return Toy(self.files)

    async def begin(self, *words: str, tenant: Tenant = EVERYBODY, window_s: int = 60) -> str:
        batch = new_batch("toy", tenant, {"words": words}, window_s=window_s, kept_s=60)
        await self.store.create(batch)
        return batch.id

    @contextlib.asynccontextmanager
    async def crew(self, toy: Toy, name: str = "one", hands: int = 4, grace_s: float = 0.05) -> AsyncIterator[Crew]:
        crew = Crew(
            self.store,
            self.files,
            Owners(self.tenants, self.meter),
            {"toy": toy},
            owner=name,
            hands=hands,
            heartbeat_s=BEAT_S,
            max_tries=MAX_TRIES,
            can_speak=lambda: self.has_workers,
            announce=self._announce,
        )
        running = asyncio.create_task(crew.run(grace_s))
        try:
            yield crew
        finally:
            crew.stop()
            await running

    async def _announce(self, batch: BatchRecord) -> None:
        self.announced.append(batch.id)

    async def now(self, batch_id: str) -> BatchRecord:
        batch = await self.store.get(batch_id)
        assert batch is not None
        return batch

    async def ended(self, batch_id: str) -> BatchRecord:
        async def is_over() -> bool:
            return (await self.now(batch_id)).status in OVER

        await until(is_over)
        return await self.now(batch_id)

    async def results(self, batch_id: str) -> list[str]:
        batch = await self.now(batch_id)
        return [(each or b"-").decode() for each in await self.store.results(batch_id, 0, batch.total)]

    @property
    def stored(self) -> int:
        return len(list(self.folder.glob("files/*")))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(BEAT_S / 2)
