"""One audio that goes on from utterance to utterance: one encoder, one timeline, one listener."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from types import TracebackType
from typing import Self

from gateway.assembly import SAMPLE_RATE
from gateway.audio.encoder import StreamingEncoder
from gateway.charging import Usage
from gateway.pipeline import Captioned, Pipeline, Utterance
from gateway.sessions.playback import Playback
from gateway.text.errors import NothingToSpeak
from gateway.threads import run_to_end
from gateway.timings import Timeline
from shared.contract import Lane

NEARLY_SILENT_S = 1.0
"""A listener with less than this ahead is given what there is: about what it takes to make the next sentence."""


class OpenAudio:
    """``async with`` it: frees the encoder, which is opened with the first utterance and has its format, and gives back
    what the whole takes of its tenant's limits: it is one request, however many utterances it is made of.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.usage = Usage()
        self._pipeline = pipeline
        self._playback = Playback()
        self._timeline = Timeline("")
        self._encoder: StreamingEncoder | None = None
        self._whole = contextlib.AsyncExitStack()

    @property
    def seconds(self) -> float:
        """How long it is so far."""
        return self.usage.num_samples / SAMPLE_RATE

    @property
    def ahead_s(self) -> float:
        """Seconds of it that a listener still has to hear."""
        return self._playback.ahead_s

    async def go_on(self, utterance: Utterance, text: str, char_start: int) -> AsyncGenerator[Captioned, None]:
        """Speak an utterance, whose script's places count from the beginning of the whole text; it is about the part of
        that which is ``text`` and begins at ``char_start``. Nothing comes of one without a sound. Raises FleetError.
        """
        ahead_s = self.ahead_s
        # Who hears nothing waits for it; who hears something has been admitted, and has time.
        utterance = replace(utterance, text=text, is_part=True, lane=Lane.STANDARD if ahead_s else Lane.URGENT)
        self._timeline.extend(text, char_start)
        if self._encoder is None:
            await self._whole.enter_async_context(self._pipeline.opened(utterance))
            self._encoder = StreamingEncoder(utterance.format, SAMPLE_RATE)
        parts = self._pipeline.go_on(utterance, self._encoder, self._timeline, self.usage, ahead_s)
        with contextlib.suppress(NothingToSpeak):
            async with contextlib.aclosing(parts):
                async for part in parts:
                    self._playback.extend_to(self.seconds)
                    yield part

    async def close(self) -> bytes:
        """What the encoder kept back."""
        return b"" if self._encoder is None else await run_to_end(self._encoder.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._encoder is not None:
            self._encoder.__exit__(kind, error, trace)
        await self._whole.__aexit__(kind, error, trace)
