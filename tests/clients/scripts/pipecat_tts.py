"""pipecat's OpenAI service in a pipeline: something to say goes in, audio frames come out, a user interrupts."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from pipecat.frames.frames import EndFrame, ErrorFrame, Frame, InterruptionFrame, TTSAudioRawFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import WorkerRunner
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.tts import VALID_VOICES, OpenAITTSService


class Ear(FrameProcessor):
    """Where the audio goes; interrupts it at the first of it if it is to."""

    def __init__(self, *, interrupts: bool) -> None:
        super().__init__()
        self._interrupts = interrupts
        self.worker: PipelineWorker | None = None
        self.pcm = b""
        self.rates: set[int] = set()
        self.frames: Counter[str] = Counter()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames[type(frame).__name__] += 1
        if isinstance(frame, TTSAudioRawFrame):
            self.pcm += frame.audio
            self.rates.add(frame.sample_rate)
            if self._interrupts and self.worker:
                self._interrupts = False
                await self.worker.queue_frames([InterruptionFrame(), EndFrame()])
        await self.push_frame(frame, direction)


async def run(url: str, text: str, *, interrupts: bool = False, **settings: Any) -> tuple[Ear, list[str]]:
    """What was heard of ``text``, and the errors on the way."""
    wanted = OpenAITTSService.Settings(**settings)
    service = OpenAITTSService(base_url=f"{url}/v1", api_key="not-needed", settings=wanted)
    ear = Ear(interrupts=interrupts)
    errors: list[str] = []
    worker = PipelineWorker(Pipeline([service, ear]), cancel_on_idle_timeout=False)
    ear.worker = worker

    @worker.event_handler("on_pipeline_error")
    async def failed(_: PipelineWorker, frame: ErrorFrame) -> None:
        errors.append(frame.error)

    await worker.queue_frames([TTSSpeakFrame(text), *([] if interrupts else [EndFrame()])])
    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()
    return ear, errors


async def say(url: str, folder: Path) -> dict[str, Any]:
    plain, errors = await run(url, "Plain.")
    (folder / "plain.pcm").write_bytes(plain.pcm)
    styled, more = await run(url, "Styled.", voice="marin", model="tts-1", instructions="Softly.", speed=1.25)
    (folder / "styled.pcm").write_bytes(styled.pcm)
    _, unlisted = await run(url, "Not asked.", voice="af_bella")
    VALID_VOICES["af_bella"] = "af_bella"
    listed, more_still = await run(url, "Listed.", voice="af_bella")
    (folder / "listed.pcm").write_bytes(listed.pcm)
    _, refused = await run(url, "Refused.", model="whisper-1")
    return {
        "version": importlib.metadata.version("pipecat-ai"),
        "rates": sorted(plain.rates),
        "frames": plain.frames,
        "errors": errors + more + more_still,
        "unlisted": unlisted,
        "refused": refused,
    }


async def leave(url: str, folder: Path) -> dict[str, Any]:
    """A user talks over it."""
    ear, errors = await run(url, (folder / "long.txt").read_text(), interrupts=True)
    return {"heard": len(ear.pcm), "errors": errors}


if __name__ == "__main__":
    mode = {"say": say, "leave": leave}[sys.argv[1]]
    print(json.dumps(asyncio.run(mode(sys.argv[2], Path(sys.argv[3])))))
