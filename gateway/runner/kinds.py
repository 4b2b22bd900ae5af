"""What a kind of batch is to the runner; ``gateway.batch`` says how the steps hang together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.errors import FleetError
from shared.streams.batches import BatchRecord, BatchStore, Claim, Settled
from shared.streams.files import FileRecord

PUT_AT_ONCE = 1000


class Items:
    """Takes the items that a check finds."""

    def __init__(self, store: BatchStore, batch: BatchRecord) -> None:
        self._store = store
        self._batch = batch
        self._held: list[bytes] = []
        self.total = 0
        self.characters = 0

    async def add(self, item: bytes, characters: int) -> None:
        """The next item: small, opaque; and how much of its text is to be spoken."""
        self._held.append(item)
        self.total += 1
        self.characters += characters
        if len(self._held) >= PUT_AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        """Enter what was added."""
        if self._held:
            await self._store.put_items(self._batch, self.total - len(self._held), self._held)
            self._held = []


@dataclass(frozen=True, slots=True)
class Finished:
    """What a batch came to."""

    outcome: Mapping[str, Any]
    """For whoever shows it: msgpack's types."""
    files: Sequence[FileRecord] = ()
    """Become known with the end of the batch."""
    keeps_results: bool = False
    """Whether items' results are still of use."""


class Kind(Protocol):
    """One kind of batch. Every step may be done again; what it raises as FleetError is tried again if it may pass."""

    async def check(self, batch: BatchRecord, items: Items) -> None:
        """Find the items. Raises BatchRefused, FleetError."""

    async def work(self, batch: BatchRecord, claim: Claim) -> Settled:
        """Do an item. Raises FleetError."""

    def refused(self, batch: BatchRecord, error: FleetError) -> Settled:
        """What an item comes to that cannot be done."""

    async def finish(self, batch: BatchRecord) -> Finished:
        """After the last item; or the last there will be, where ``batch.ending`` is another than completed.

        Raises BatchRefused, FleetError: the batch has failed then, unless the latter may pass.
        """

    async def ended(self, batch: BatchRecord) -> None:
        """The batch is over and says so; also where its check refused it."""
