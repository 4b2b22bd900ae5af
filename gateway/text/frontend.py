"""The text frontend: text in, chunks out, lazily, with all linguistics in other processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

from gateway.text.chunker import Chunk, ChunkerState, ChunkLimits
from gateway.text.core import SectionResult, refuse_silence
from gateway.text.languages import Language
from gateway.text.pacing import Pace
from gateway.text.pool import ProcessPool
from gateway.text.process import run_section
from gateway.text.scripts import refuse_unspeakable
from gateway.text.sections import Section, cut_sections

_LONG_TEXT_CHARS = 50_000
"""Searching a longer one for letters that cannot be spoken is not done on the event loop."""


class TextFrontend:
    """Turns texts into chunks. One per gateway process and event loop; ``start`` it before the first request.

    However long the text, a request has at most two sections of it (some 5,000 characters) in work: the one whose
    chunks it gives out, and the next. First sections go before all others, so that no long text delays a new one.
    """

    def __init__(self, limits: ChunkLimits, *, processes: int = 1) -> None:
        self._pool = ProcessPool(processes)
        self._limits = limits
        self._later_sections = asyncio.Semaphore(processes)

    async def start(self) -> None:
        """Start the processes and load the G2Ps: seconds. Raises FrontendUnavailable."""
        await self._pool.start()

    async def close(self) -> None:
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def chunks(self, text: str, language: Language, pace: Pace | None = None) -> AsyncGenerator[Chunk, None]:
        """The chunks of ``text`` in order; ``language`` is one of ``languages.SUPPORTED``.

        ``pace``: cut so that whoever listens while they are spoken waits little and hears no gap; without one, by the
        limits alone, so that the same text always gives the same chunks.

        Raises, before any chunk, NothingToSpeak for a text without a sound and UnspeakableCharacters for characters
        that the language has no sounds for; at any time UnspeakableCharacters for a word that turns out to have none,
        and FrontendUnavailable. Close the generator to stop the work on the rest of the text.
        """
        await _refuse_unspeakable(text, language)
        sections = cut_sections(text)
        state = ChunkerState(pace)
        job = self._submit(next(sections, None), language, state)
        try:
            while job is not None:
                result = await job
                state = result.state
                job = self._submit(next(sections, None), language, state)
                for chunk in result.chunks:
                    yield chunk
        finally:
            if job is not None:
                job.cancel()
        refuse_silence(text, state)

    def _submit(
        self, section: Section | None, language: Language, state: ChunkerState
    ) -> asyncio.Task[SectionResult] | None:
        if section is None:
            return None
        job = asyncio.create_task(self._run(section, language, state))
        # A reader that leaves does not ask for the result of the section ahead; its error is then of no interest.
        job.add_done_callback(lambda done: done.cancelled() or done.exception())
        return job

    async def _run(self, section: Section, language: Language, state: ChunkerState) -> SectionResult:
        if state.spoken_tokens == 0:
            return await self._pool.run(run_section, section, language, self._limits, state)
        async with self._later_sections:
            return await self._pool.run(run_section, section, language, self._limits, state)


async def _refuse_unspeakable(text: str, language: Language) -> None:
    if len(text) > _LONG_TEXT_CHARS:
        await asyncio.to_thread(refuse_unspeakable, text, language)
    else:
        refuse_unspeakable(text, language)
