"""openai-python, as its users call it: every way of `audio.speech.create`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import openai

FORMATS: tuple[Literal["mp3", "opus", "aac", "flac", "wav", "pcm"], ...] = ("mp3", "opus", "aac", "flac", "wav", "pcm")


def of_error(error: openai.APIStatusError) -> dict[str, Any]:
    """What a program sees of a refusal."""
    return {
        "class": type(error).__name__,
        "status": error.status_code,
        "code": error.code,
        "param": error.param,
        "type": error.type,
        "request_id": error.request_id,
        "retry_after": error.response.headers.get("retry-after"),
    }


def refused(call: Callable[[], object]) -> dict[str, Any]:
    try:
        call()
    except openai.APIStatusError as error:
        return of_error(error)
    return {"class": "none"}


def say(url: str, folder: Path) -> dict[str, Any]:
    """Everything that is answered at once."""
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="not-needed")
    speech = client.audio.speech
    for form in FORMATS:
        speech.create(model="tts-1", voice="alloy", input="Plain.", response_format=form).write_to_file(
            folder / f"plain.{form}"
        )
    with speech.with_streaming_response.create(
        model="tts-1-hd", voice="onyx", input="Streamed. In two.", response_format="pcm", speed=1.5
    ) as streamed:
        streamed.stream_to_file(folder / "streamed.pcm")
    raw = speech.with_raw_response.create(model="kokoro", voice={"id": "af_bella"}, input="Raw.", response_format="pcm")
    (folder / "raw.pcm").write_bytes(raw.parse().content)
    with speech.with_streaming_response.create(
        model="gpt-4o-mini-tts-2025-12-15",
        voice="marin",
        input="Events.",
        instructions="Cheerfully.",
        response_format="pcm",
        stream_format="sse",
    ) as events:
        lines = [line for line in events.iter_lines() if line]
    asyncio.run(say_async(url, folder))
    return {
        "version": openai.__version__,
        "raw_headers": {name: raw.headers.get(name) for name in ("x-request-id", "openai-processing-ms")},
        "raw_type": raw.headers["content-type"],
        "event_lines": lines,
        "models": [model.id for model in client.models.list()],
        "model": client.models.retrieve("tts-1").id,
        "unknown_voice": refused(lambda: speech.create(model="tts-1", voice="nobody", input="Refused.")),
        "unknown_model": refused(lambda: speech.create(model="whisper-1", voice="alloy", input="Refused.")),
        "empty": refused(lambda: speech.create(model="tts-1", voice="alloy", input="")),
    }


async def say_async(url: str, folder: Path) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="not-needed") as client:
        answer = await client.audio.speech.create(
            model="tts-1", voice="alloy", input="Asynchronously.", response_format="pcm"
        )
        (folder / "async.pcm").write_bytes(answer.content)


def leave(url: str, folder: Path) -> dict[str, Any]:
    """Close in mid-stream, and run out of time: the work must be dropped both times."""
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="not-needed", max_retries=0)
    text = (folder / "long.txt").read_text()
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=text, response_format="pcm"
    ) as answer:
        heard = len(next(answer.iter_bytes(1000)))
    try:
        client.audio.speech.create(model="tts-1", voice="alloy", input=text, extra_body={"stream": False}, timeout=1)
    except openai.APITimeoutError as error:
        return {"heard": heard, "timeout": type(error).__name__}
    return {"heard": heard, "timeout": "none"}


def wait(url: str, folder: Path) -> dict[str, Any]:
    """A busy service: first without patience, then with as much as it takes."""
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="not-needed", max_retries=0)
    busy = refused(lambda: client.audio.speech.create(model="tts-1", voice="alloy", input="No patience."))
    patient = client.with_options(max_retries=20).audio.speech
    answer = patient.create(model="tts-1", voice="alloy", input="Patience.", response_format="pcm")
    answer.write_to_file(folder / "waited.pcm")
    return {"busy": busy}


if __name__ == "__main__":
    print(json.dumps({"say": say, "leave": leave, "wait": wait}[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))))
