"""One client's conversation: several contexts at a time, each by itself, all through one outbox."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.pipeline import Pipeline
from gateway.sessions.context import Compose, Context, ContextLimits
from gateway.sessions.errors import ContextExists, TooManyContexts, UnknownContext
from gateway.sessions.events import Cancelled, Done, Event, Failed, LeavingSoon
from gateway.sessions.outbox import Outbox
from gateway.text.incremental import IncrementalText
from shared.errors import Draining, FleetError
from shared.observe import logger

log = logger(__name__)

MAX_FAILED_IDS = 64


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Of one client."""

    max_contexts: int
    """At a time."""
    context: ContextLimits


class Session:
    """Takes calls, gives events: ``take`` them, or all contexts wait. ``close`` it in any case."""

    def __init__(self, pipeline: Pipeline, limits: SessionLimits) -> None:
        self.outbox: Outbox[Any] = Outbox(self._taken)
        """Whoever speaks for the session may answer there as well."""
        self._pipeline = pipeline
        self._limits = limits
        self._contexts: dict[str, Context] = {}
        self._tasks: dict[Context, asyncio.Task[None]] = {}
        self._failed_ids: dict[str, None] = {}
        self._is_draining = False

    @property
    def is_speaking(self) -> bool:
        """Whether any context has audio that is being made or waits for the reader."""
        return any(context.is_speaking for context in self._contexts.values())

    def open(
        self, context_id: str, tag: Any, compose: Compose, text: IncrementalText, max_ahead_s: float | None = None
    ) -> None:
        """Begin a context; ``tag`` comes with its events. Raises ContextExists, TooManyContexts, Draining."""
        if self._is_draining:
            raise Draining("This server is about to stop. Connect again to begin anew.")
        if context_id in self._contexts:
            raise ContextExists(f"There is a context {context_id!r} already.", param="context_id")
        if len(self._contexts) >= self._limits.max_contexts:
            raise TooManyContexts(f"At most {self._limits.max_contexts} contexts may be open at a time.")
        self._failed_ids.pop(context_id, None)
        context = Context(
            context_id,
            tag,
            compose=compose,
            text=text,
            pipeline=self._pipeline,
            limits=self._limits.context,
            max_ahead_s=max_ahead_s,
        )
        self._contexts[context_id] = context
        task = self._tasks[context] = asyncio.create_task(self._run(context))
        task.add_done_callback(partial(self._finished, context))

    def append(self, context_id: str, text: str) -> None:
        """Raises UnknownContext, TextTooLong."""
        if context := self._context(context_id):
            context.append(text)

    def flush(self, context_id: str, flush_id: str | None = None) -> None:
        """Have all text so far spoken; a Flushed event follows its audio. Raises UnknownContext."""
        if context := self._context(context_id):
            context.flush(flush_id)

    def end(self, context_id: str) -> None:
        """Have all text so far spoken; Done follows its audio. Raises UnknownContext."""
        if context := self._context(context_id):
            context.end()

    def cancel(self, context_id: str) -> None:
        """Say nothing more of this; its id is free at once. Raises UnknownContext."""
        if context := self._context(context_id):
            del self._contexts[context_id]
            self._tasks[context].cancel()
            self.outbox.withdraw(context)
            self.outbox.answer(Cancelled(context_id, context.tag))
            self._end_if_drained()

    async def take(self) -> Any:
        """The next event, or answer, to be sent; None once a drained session is over."""
        return await self.outbox.take()

    def drain(self, within_s: float) -> None:
        """Begin no more contexts; end when those that are open have."""
        self._is_draining = True
        self.outbox.answer(LeavingSoon(within_s))
        for context in self._contexts.values():
            context.hurry()
        self._end_if_drained()

    def give_up(self) -> None:
        """Fail what is still open, and end."""
        for context in list(self._contexts.values()):
            self._tasks[context].cancel()
            self.outbox.withdraw(context)
            self._fail(context, Draining("This server stopped before the context had ended."))

    async def close(self) -> None:
        """Stop everything and free what it holds."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _context(self, context_id: str) -> Context | None:
        """None: its failure is on the way to the client, who sent this before hearing of it."""
        if context_id in self._failed_ids:
            return None
        if context_id not in self._contexts:
            raise UnknownContext(f"There is no context {context_id!r}, or it is over.", param="context_id")
        return self._contexts[context_id]

    async def _run(self, context: Context) -> None:
        try:
            await context.run(partial(self.outbox.offer, context))
        except FleetError as error:
            # After the audio that came before it.
            await self.outbox.offer(context, Failed(context.context_id, context.tag, error))

    def _taken(self, context: Context, event: Event) -> None:
        """With its last event the context is over: who hears of that may use the id again."""
        if isinstance(event, Done | Failed) and self._contexts.get(context.context_id) is context:
            del self._contexts[context.context_id]
            if isinstance(event, Failed):
                self._remember_failed(context.context_id)
            self._end_if_drained()

    def _finished(self, context: Context, task: asyncio.Task[None]) -> None:
        del self._tasks[context]
        if not task.cancelled() and (error := task.exception()):
            log.error("unexpected", exc_info=error)
            self._fail(context, FleetError("Something went wrong on our side."))

    def _fail(self, context: Context, error: FleetError) -> None:
        if self._contexts.get(context.context_id) is not context:
            return
        self.outbox.answer(Failed(context.context_id, context.tag, error))
        del self._contexts[context.context_id]
        self._remember_failed(context.context_id)
        self._end_if_drained()

    def _remember_failed(self, context_id: str) -> None:
        self._failed_ids[context_id] = None
        if len(self._failed_ids) > MAX_FAILED_IDS:
            del self._failed_ids[next(iter(self._failed_ids))]

    def _end_if_drained(self) -> None:
        if self._is_draining and not self._contexts:
            self.outbox.close()
