"""Batches: work that is not waited for, and who is at it now.

A batch is checked, which finds its items; they are worked on in any order, by any number of runners; then it is
finished. Whoever claims a piece of this owns it for three heartbeats at a time; a runner that dies is thus noticed by
all others, who claim what it had. An item may be worked on twice, but its first result is the only one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import msgpack
from redis.asyncio import Redis

from shared.streams import batch_scripts as scripts
from shared.streams.files import FileRecord
from shared.streams.keys import MISSED_HEARTBEATS, reaching_redis, text
from shared.streams.pages import Page, members

OPEN_KEY = "tts:batches:open"
CHECK, FINISH = "check", "finish"

Status = Literal["validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled"]

TIMES = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
"""Statuses that a batch has at most once; when it came to each is kept."""


OVER = frozenset({"completed", "failed", "expired", "cancelled"})
"""Statuses that last."""


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch as it stands. Times are unix seconds."""

    id: str
    kind: str
    """Which of the runner's kinds of work it is."""
    tenant: Mapping[str, Any]
    """Its tenant as it was then; the runner brings it up to date."""
    request: Mapping[str, Any]
    """What was asked for; its kind knows what is in it."""
    created_at: int
    expires_at: int
    """What is not done by then is not done at all."""
    kept_until_ms: int
    """When all that is known of it goes."""
    status: Status = "validating"
    ending: Literal["completed", "expired", "cancelled"] = "completed"
    """What it becomes once it is finished."""
    times: Mapping[str, int] = field(default_factory=dict)
    """When it came to each status."""
    total: int = 0
    """Items; 0 until it is checked."""
    done: int = 0
    failed: int = 0
    total_characters: int = 0
    characters: int = 0
    """Of the items that are settled."""
    audio_s: float = 0.0
    outcome: Mapping[str, Any] = field(default_factory=dict)
    """What its kind says at the end, or why it failed."""

    @property
    def tenant_id(self) -> str:
        return str(self.tenant.get("id", ""))

    def eta_s(self, now: float) -> float | None:
        """Seconds until it will be done if it goes on as it went; None where that is not known."""
        began = self.times.get("in_progress")
        if self.status != "in_progress" or began is None or not self.done + self.failed:
            return None
        share = self.characters / self.total_characters if self.total_characters else 0.0
        share = share or (self.done + self.failed) / self.total
        return max(0.0, (now - began) * (1 / share - 1))


@dataclass(frozen=True, slots=True)
class Claim:
    """A piece of a batch's work in a runner's hands."""

    batch_id: str
    member: str
    """CHECK, FINISH, or an item's number."""
    owner: str
    item: bytes
    tries: int
    """Claims of it that did not come to anything, and this one."""

    @property
    def number(self) -> int:
        return int(self.member)

    @property
    def work_id(self) -> str:
        """Of the work itself, whoever claims it and however often."""
        return f"{self.batch_id}:{self.member}"


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an item."""

    is_done: bool
    """False: it failed, for good."""
    result: bytes
    characters: int = 0
    audio_s: float = 0.0
    files: Sequence[FileRecord] = ()
    """Become known with the result, or not at all."""
    ends_all: bool = False
    """Whether without it the others are of no use: no more of them are done."""


class BatchStore:
    """Batches in Redis. Raises QueueUnavailable."""

    def __init__(self, redis: Redis, *, heartbeat_s: float) -> None:
        self._redis = redis
        self._lease_ms = int(MISSED_HEARTBEATS * heartbeat_s * 1000)
        self._create = redis.register_script(scripts.CREATE)
        self._claim = redis.register_script(scripts.CLAIM)
        self._renew = redis.register_script(scripts.RENEW)
        self._give_back = redis.register_script(scripts.GIVE_BACK)
        self._begin = redis.register_script(scripts.BEGIN)
        self._settle = redis.register_script(scripts.SETTLE)
        self._close = redis.register_script(scripts.CLOSE)
        self._cancel = redis.register_script(scripts.CANCEL)
        self._forget = redis.register_script(scripts.FORGET)

    async def create(self, batch: BatchRecord, digest: str = "") -> str:
        """Enter a new batch: any runner may claim its check from now on. Returns its id.

        ``digest``: of what its caller named it by; where there is a batch by that name, that one's id comes back, and
        the new one is not entered.
        """
        fields: dict[str, Any] = {
            "tenant": msgpack.packb(dict(batch.tenant)),
            "request": msgpack.packb(dict(batch.request)),
            "created_at": batch.created_at,
            "expires_at": batch.expires_at,
        }
        pairs = [word for pair in fields.items() for word in pair]
        async with reaching_redis():
            return text(
                await self._create(args=[batch.id, batch.tenant_id, batch.kind, batch.kept_until_ms, digest, *pairs])
            )

    async def get(self, batch_id: str, tenant_id: str | None = None) -> BatchRecord | None:
        """The batch; None where there is none, not any more, or it is another tenant's; tenant_id None: anybody's."""
        async with reaching_redis():
            fields = await cast("Any", self._redis.hgetall(_key(batch_id)))
        batch = _record(batch_id, fields)
        return batch if batch and tenant_id in {None, batch.tenant_id} else None

    async def made_as(self, digest: str) -> BatchRecord | None:
        """The batch that was entered with this digest; None where there is none, or not any more."""
        async with reaching_redis():
            batch_id = await self._redis.get(f"tts:made:{digest}")
        return await self.get(text(batch_id)) if batch_id else None

    async def page(self, tenant_id: str, kind: str, page: Page) -> tuple[list[BatchRecord], bool]:
        """A tenant's batches of a kind by when they were made, and whether there are more."""
        names, has_more = await members(self._redis, f"tts:batches:of:{tenant_id}", page, frozenset({kind}))
        ids = [name.partition(" ")[2] for name in names]
        async with reaching_redis(), self._redis.pipeline(transaction=False) as pipe:
            for batch_id in ids:
                pipe.hgetall(_key(batch_id))
            rows = await pipe.execute()
        records = (_record(batch_id, fields) for batch_id, fields in zip(ids, rows, strict=True))
        return [record for record in records if record], has_more

    async def open(self) -> dict[str, str]:
        """Batches that are not finished, each with its tenant."""
        async with reaching_redis():
            found = await cast("Any", self._redis.hgetall(OPEN_KEY))
        return {text(batch_id): text(tenant) for batch_id, tenant in found.items()}

    async def claim(self, batch_id: str, owner: str, *, with_items: bool = True) -> Claim | None:
        """The next piece of the batch's work; None where there is none to be had now, or none but items."""
        async with reaching_redis():
            found = await self._claim(args=[batch_id, owner, self._lease_ms, int(with_items)])
        return Claim(batch_id, text(found[0]), owner, found[1], int(found[2])) if found else None

    async def renew(self, owner: str, claims: Sequence[Claim]) -> list[Claim]:
        """Say that all these are being worked on; returns those that are the owner's no more, or of no use."""
        if not claims:
            return []
        pairs = [word for claim in claims for word in (claim.batch_id, claim.member)]
        async with reaching_redis():
            kept = await self._renew(args=[owner, self._lease_ms, *pairs])
        return [claim for claim, is_kept in zip(claims, kept, strict=True) if not is_kept]

    async def give_back(self, claim: Claim, delay_s: float = 0.0, *, is_a_try: bool = True) -> bool:
        """Somebody may claim it again after ``delay_s``. False: it was the owner's no more."""
        args: list[str | int] = [claim.batch_id, claim.member, claim.owner, int(delay_s * 1000), int(is_a_try)]
        async with reaching_redis():
            return bool(await self._give_back(args=args))

    async def put_items(self, batch: BatchRecord, first: int, items: Iterable[bytes]) -> None:
        """Enter items by their numbers, from ``first``. They are not claimed before ``begin``."""
        key = f"{_key(batch.id)}:items"
        mapping: dict[Any, Any] = {first + place: item for place, item in enumerate(items)}
        async with reaching_redis(), self._redis.pipeline() as pipe:
            pipe.hset(key, mapping=mapping)
            pipe.pexpireat(key, batch.kept_until_ms)
            await pipe.execute()

    async def begin(self, check: Claim, total: int, characters: int) -> bool:
        """The batch is checked and its items are entered. False: the check was the owner's no more."""
        async with reaching_redis():
            return bool(await self._begin(args=[check.batch_id, check.owner, total, characters]))

    async def settle(self, claim: Claim, settled: Settled) -> bool:
        """Enter an item's result, and the files that belong to it. False: it has one, or nobody wants it any more."""
        counts = ["done" if settled.is_done else "failed", settled.result, settled.characters]
        files = [word for record in settled.files for word in record.enter_args]
        async with reaching_redis():
            args = [claim.batch_id, claim.member, *counts, int(settled.audio_s * 1000), int(settled.ends_all), *files]
            return bool(await self._settle(args=args))

    async def close(
        self,
        step: Claim,
        status: Status,
        outcome: Mapping[str, Any],
        files: Sequence[FileRecord] = (),
        *,
        keeps_results: bool = False,
    ) -> bool:
        """The batch has ended, with its check or its finish. False: the step was the owner's no more."""
        packed: bytes = msgpack.packb(dict(outcome))
        known = [word for record in files for word in record.enter_args]
        args = [step.batch_id, step.member, step.owner, status, packed, int(keeps_results), *known]
        async with reaching_redis():
            return bool(await self._close(args=args))

    async def cancel(self, batch_id: str) -> bool:
        """Nothing more of it is begun, what is under way is given up. False: it was over, or as good as."""
        async with reaching_redis():
            return bool(await self._cancel(args=[batch_id]))

    async def forget(self, batch: BatchRecord) -> bool:
        """Nobody finds it from here on. False: it is not over, or was forgotten before."""
        async with reaching_redis():
            return bool(await self._forget(args=[batch.id, batch.tenant_id, batch.kind]))

    async def items(self, batch_id: str, first: int, count: int) -> list[bytes | None]:
        """What items are, by their numbers."""
        return await self._many(f"{_key(batch_id)}:items", first, count)

    async def results(self, batch_id: str, first: int, count: int) -> list[bytes | None]:
        """What became of items, by their numbers; None: nothing yet."""
        return await self._many(f"{_key(batch_id)}:results", first, count)

    async def _many(self, key: str, first: int, count: int) -> list[bytes | None]:
        async with reaching_redis():
            names = [str(number) for number in range(first, first + count)]
            found: list[bytes | None] = await cast("Any", self._redis.hmget(key, names))
        return found


def _key(batch_id: str) -> str:
    return f"tts:batch:{batch_id}"


def _record(batch_id: str, fields: Mapping[bytes, bytes]) -> BatchRecord | None:
    if not fields:
        return None
    said = {text(name): value for name, value in fields.items()}

    def number(name: str) -> int:
        return int(said.get(name, 0))

    status = cast("Status", text(said["status"]))
    return BatchRecord(
        id=batch_id,
        kind=text(said["kind"]),
        tenant=msgpack.unpackb(said["tenant"]),
        request=msgpack.unpackb(said["request"]),
        created_at=number("created_at"),
        expires_at=number("expires_at"),
        kept_until_ms=number("kept_until_ms"),
        status=status,
        ending=cast("Any", text(said.get("ending", b"completed"))),
        times={name: number(f"{name}_at") for name in TIMES if f"{name}_at" in said},
        total=number("total"),
        done=number("done"),
        failed=number("failed"),
        total_characters=number("total_characters"),
        characters=number("characters"),
        audio_s=number("audio_ms") / 1000,
        outcome=msgpack.unpackb(said["outcome"]) if "outcome" in said else {},
    )
