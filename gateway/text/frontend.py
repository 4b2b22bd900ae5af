"""The text frontend: a script in, chunks and pauses out, lazily, with all linguistics in other processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from types import TracebackType
from typing import NamedTuple, Self

from gateway.text.chunker import Chunk, ChunkerState, ChunkLimits
from gateway.text.core import SectionResult
from gateway.text.errors import NothingToSpeak
from gateway.text.normaliser.markdown import without_code
from gateway.text.pacing import Pace
from gateway.text.pool import ProcessPool
from gateway.text.process import run_section
from gateway.text.reading import Reading
from gateway.text.scripts import refuse_unspeakable
from gateway.text.sections import Section, cut_sections
from gateway.text.segments import Pause, Script, Speech, Style

_LONG_TEXT_CHARS = 50_000
"""Searching a longer one for letters that cannot be spoken is not done on the event loop."""


class Passage(NamedTuple):
    """A chunk, and how it is spoken."""

    chunk: Chunk
    style: Style


class TextFrontend:
    """Turns texts into chunks. One per gateway process and event loop; ``start`` it before the first request.

    However long the text, a request has at most two sections of it (some 5,000 characters) in work: the one whose
    chunks it gives out, and the next. First sections go before all others, so that no long text delays a new one.
    """

    def __init__(self, limits: ChunkLimits, *, processes: int = 1, idle_s: float | None = None) -> None:
        """``idle_s``: see ``ProcessPool``; it need not be started then."""
        self._pool = ProcessPool(processes, idle_s)
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

    async def parts(
        self, script: Script, reading: Reading, pace: Pace | None = None
    ) -> AsyncGenerator[Passage | Pause, None]:
        """What ``script`` is made of, in order: chunks with their styles, and the pauses between.

        ``pace``: cut so that whoever listens while they are spoken waits little and hears no gap; without one, by the
        limits alone, so that the same text always gives the same chunks.

        Raises, before anything else, NothingToSpeak for a script without a sound or a pause and UnspeakableCharacters
        for characters that their language has no sounds for; at any time UnspeakableCharacters for a word that turns
        out to have none, and FrontendUnavailable. Close the generator to stop the work on the rest of the text.
        """
        steps = _steps(script, reading)
        step = next(steps)
        job = self._submit(step, reading, ChunkerState(pace), pace)
        is_silent = True
        try:
            # Looked for while a process works on the beginning.
            for segment in script.segments:
                if isinstance(segment, Speech):
                    await _refuse_unspeakable(segment)
            while True:
                for pause in step.pauses:
                    yield pause
                is_silent = is_silent and not step.pauses
                if job is None or step.work is None:
                    break
                result, style = await job, step.work.style
                step = next(steps)
                job = self._submit(step, reading, result.state, pace)
                for chunk in result.chunks:
                    yield Passage(chunk, style)
                is_silent = is_silent and not result.chunks
        finally:
            if job is not None:
                job.cancel()
        if is_silent:
            raise NothingToSpeak("The input contains nothing that can be spoken.", char_end=_end(script))

    def _submit(
        self, step: _Step, reading: Reading, state: ChunkerState, pace: Pace | None
    ) -> asyncio.Task[SectionResult] | None:
        if step.work is None:
            return None
        if pace is not None:
            pauses_s = sum(pause.seconds for pause in step.pauses)
            pace = replace(pace, speed=pace.speed * step.work.style.rate)
            state = replace(state, pace=pace, ahead_s=state.ahead_s + pauses_s)
        job = asyncio.create_task(self._run(step.work, reading, state))
        # A reader that leaves does not ask for the result of the section ahead; its error is then of no interest.
        job.add_done_callback(lambda done: done.cancelled() or done.exception())
        return job

    async def _run(self, work: _Work, reading: Reading, state: ChunkerState) -> SectionResult:
        turn = self._later_sections if state.spoken_tokens else contextlib.nullcontext()
        async with turn:
            return await self._pool.run(run_section, work.section, work.style.language, reading, self._limits, state)


class _Work(NamedTuple):
    section: Section
    style: Style


class _Step(NamedTuple):
    """Pauses, and what is said after them; None at the end."""

    pauses: tuple[Pause, ...]
    work: _Work | None


def _steps(script: Script, reading: Reading) -> Iterator[_Step]:
    pauses: list[Pause] = []
    for segment in script.segments:
        if isinstance(segment, Pause):
            pauses.append(segment)
            continue
        # A section cannot know that it begins inside a block of code.
        text = segment.text if reading.options.read_code else without_code(segment.text)
        for section in cut_sections(text, segment.style.language):
            yield _Step(tuple(pauses), _Work(section, segment.style))
            pauses.clear()
    yield _Step(tuple(pauses), None)


def _end(script: Script) -> int:
    last = script.segments[-1] if script.segments else None
    return last.text.ends[-1] if isinstance(last, Speech) and last.text.text else 0


async def _refuse_unspeakable(speech: Speech) -> None:
    text, language = speech.text.text, speech.style.language
    if len(text) > _LONG_TEXT_CHARS:
        await asyncio.to_thread(refuse_unspeakable, text, language)
    else:
        refuse_unspeakable(text, language)
