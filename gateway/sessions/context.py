"""One text that comes in pieces, and the one audio of it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import uuid
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from gateway.pipeline import Pipeline, Utterance
from gateway.sessions.audio import NEARLY_SILENT_S, OpenAudio
from gateway.sessions.errors import TextTooLong, UnknownContext
from gateway.sessions.events import Done, Event, Flushed, Spoken
from gateway.text.errors import InvalidMarkup
from gateway.text.incremental import IncrementalText, Portion
from gateway.text.segments import Pause
from shared.errors import InvalidValue

Compose = Callable[[str, str], Awaitable[Utterance]]
"""From a request id and a text to the utterance of it, as whoever opened the context wants it; raises FleetError."""

Offer = Callable[[Event], Awaitable[None]]
"""Sends an event; returns when it is on its way, so that whoever offers is as slow as the reader."""


@dataclass(frozen=True, slots=True)
class ContextLimits:
    """Of each context."""

    max_chars: int
    """Of text, in all."""
    max_waiting_chars: int
    """Of text that is still to be spoken."""
    text_wait_s: float
    """How long text may wait for more to come before what is there is spoken."""
    max_total_pause_s: float
    max_ahead_s: float
    """How much audio is made ahead of what a listener has heard, unless the context's opener says."""


@dataclass(frozen=True, slots=True)
class _Flush:
    flush_id: str | None


class _End:
    """No more text comes."""


class Context:
    """Takes text; ``run`` gives its events, to the last of them. Cancel that to interrupt it."""

    def __init__(
        self,
        context_id: str,
        tag: Any,
        *,
        compose: Compose,
        text: IncrementalText,
        pipeline: Pipeline,
        limits: ContextLimits,
        max_ahead_s: float | None = None,
    ) -> None:
        """``max_ahead_s``: audio still to be heard beyond which nothing is spoken; None: as the limits say."""
        self.context_id = context_id
        self.tag = tag
        self._compose = compose
        self._text = text
        self._pipeline = pipeline
        self._limits = limits
        self._max_ahead_s = limits.max_ahead_s if max_ahead_s is None else max_ahead_s
        self._inputs: deque[str | _Flush | _End] = deque()
        self._arrived = asyncio.Event()
        self._hurried = asyncio.Event()
        self._has_ended = False
        self._num_chars = 0
        self._num_spoken_chars = 0
        self._is_speaking = False
        self._pauses_s = 0.0

    @property
    def is_speaking(self) -> bool:
        """Whether audio is made or waits for the reader, or text for its turn."""
        return self._is_speaking or not self._text.is_blank

    def append(self, text: str) -> None:
        """Raises UnknownContext after ``end``, TextTooLong."""
        num_chars = self._num_chars + len(text)
        if num_chars > self._limits.max_chars:
            raise TextTooLong(f"A context may have {self._limits.max_chars} characters of text.", param="text")
        if num_chars - self._num_spoken_chars > self._limits.max_waiting_chars:
            limit = self._limits.max_waiting_chars
            raise TextTooLong(f"In a context {limit} characters of text may wait to be spoken.", param="text")
        self._put(text)
        self._num_chars = num_chars

    def flush(self, flush_id: str | None = None) -> None:
        """Speak what is there without waiting for more. Raises UnknownContext after ``end``."""
        self._put(_Flush(flush_id))

    def end(self) -> None:
        """Speak what is there; no more comes. Raises UnknownContext after ``end``."""
        self._put(_End())
        self._has_ended = True

    def hurry(self) -> None:
        """Speak on, however much a listener still has to hear."""
        self._max_ahead_s = math.inf
        self._hurried.set()

    async def run(self, offer: Offer) -> None:
        """Raises FleetError, after which the context is over."""
        async with OpenAudio(self._pipeline) as audio:
            async with contextlib.aclosing(self._portions(audio)) as portions:
                async for portion in portions:
                    if isinstance(portion, _Flush):
                        await offer(Flushed(self.context_id, self.tag, portion.flush_id))
                    else:
                        await self._speak(portion, audio, offer)
            if rest := await audio.close():
                await offer(Spoken(self.context_id, self.tag, rest, ()))
            await offer(Done(self.context_id, self.tag, audio.usage, self._num_chars, audio.seconds))

    def _put(self, item: str | _Flush | _End) -> None:
        if self._has_ended:
            raise UnknownContext(f"Context {self.context_id!r} has been ended.", param="context_id")
        self._inputs.append(item)
        self._arrived.set()

    async def _speak(self, portion: Portion, audio: OpenAudio, offer: Offer) -> None:
        self._is_speaking = True
        try:
            utterance = await self._utterance(portion)
            parts = audio.go_on(utterance, portion.text, portion.char_start)
            async with contextlib.aclosing(parts):
                async for packet, words, _ in parts:
                    if words:
                        self._num_spoken_chars = max(self._num_spoken_chars, words[-1].char_end)
                    if packet or words:
                        await offer(Spoken(self.context_id, self.tag, packet, words))
            self._num_spoken_chars = portion.char_start + len(portion.text)
        finally:
            self._is_speaking = False

    async def _utterance(self, portion: Portion) -> Utterance:
        """Of a portion, with its places in the whole text."""
        offset = portion.char_start - len(portion.in_force)
        try:
            utterance = await self._compose(f"req_{uuid.uuid4().hex}", portion.in_force + portion.text)
        except InvalidMarkup as error:
            raise _placed(error, offset) from error
        self._pauses_s += sum(part.seconds for part in utterance.script.segments if isinstance(part, Pause))
        if self._pauses_s > self._limits.max_total_pause_s:
            limit = self._limits.max_total_pause_s
            raise InvalidValue(f"All pauses of a context together may last {limit:g} s.", param="text")
        return replace(utterance, script=utterance.script.shifted(offset))

    async def _portions(self, audio: OpenAudio) -> AsyncGenerator[Portion | _Flush, None]:
        """What is to be spoken, each when it is to be; and the flushes, each after all that came before it."""
        while True:
            self._take_in()
            if not self._text.is_blank and (excess_s := audio.ahead_s - self._max_ahead_s) > 0:
                # What is cancelled was not made in vain, and others have their turn.
                await _within(excess_s, self._hurried)
            elif portion := self._text.sentences() or (audio.ahead_s < NEARLY_SILENT_S and self._text.clause()):
                yield portion
            elif self._inputs:
                if portion := self._text.rest():
                    yield portion
                mark = self._inputs.popleft()
                if isinstance(mark, _Flush):
                    yield mark
                else:
                    return
            elif not await _within(max(self._limits.text_wait_s, audio.ahead_s - NEARLY_SILENT_S), self._arrived):
                if portion := self._text.words():
                    yield portion
                else:
                    await self._arrived.wait()

    def _take_in(self) -> None:
        """All text that comes before the next flush or end."""
        texts: list[str] = []
        while self._inputs and isinstance(text := self._inputs[0], str):
            texts.append(text)
            self._inputs.popleft()
        if texts:
            self._text.append("".join(texts))
        self._arrived.clear()


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether it comes within so many seconds; returns as soon as that is known."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False


def _placed(error: InvalidMarkup, offset: int) -> InvalidMarkup:
    """The same about the whole text, which has ``offset`` characters before what the error is about."""
    if not offset:
        return error
    return InvalidMarkup(
        f"{error.message.removesuffix('.')} of the text from character {offset} on.",
        char_start=error.char_start + offset,
        char_end=error.char_end + offset,
        code=error.code,
    )
