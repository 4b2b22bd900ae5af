"""LiveKit agents' OpenAI plugin: `synthesize`, an LLM's text cut into sentences, and an interruption."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

from livekit.agents import APIConnectOptions, APIStatusError, tokenize, tts
from livekit.plugins import openai

ONCE = APIConnectOptions(max_retry=0)


def voice(url: str, **options: Any) -> openai.TTS:
    return openai.TTS(base_url=f"{url}/v1", api_key="not-needed", **options)


async def say(url: str, folder: Path) -> dict[str, Any]:
    heard: dict[str, Any] = {"version": importlib.metadata.version("livekit-plugins-openai")}
    async with voice(url) as speaker:  # everything by default: events with mp3 in them
        speaker.prewarm()
        measured = asyncio.get_running_loop().create_future()
        speaker.on("metrics_collected", measured.set_result)
        heard["events_mp3"] = keep(folder / "events_mp3.pcm", await speaker.synthesize("Plain.").collect())
        metrics = await asyncio.wait_for(measured, 10)
        heard["usage"] = [metrics.input_tokens, metrics.output_tokens]
    async with voice(url, voice="alloy", response_format="pcm", instructions="Softly.") as speaker:
        heard["events_pcm"] = keep(folder / "events_pcm.pcm", await speaker.synthesize("Events.").collect())
        (folder / "dripped.pcm").write_bytes(await drip(speaker))
    async with voice(url, model="tts-1", voice="alloy", response_format="pcm") as speaker:
        heard["audio_pcm"] = keep(folder / "audio_pcm.pcm", await speaker.synthesize("Audio.").collect())
    for form in ("wav", "flac", "opus", "aac"):
        async with voice(url, model="tts-1", voice="alloy", response_format=form) as speaker:
            heard[form] = keep(folder / f"{form}.pcm", await speaker.synthesize("Audio.").collect())
    async with voice(url, voice="nobody") as speaker:
        heard["unknown_voice"] = await refused(speaker, "Refused.")
    return heard


def keep(path: Path, frame: Any) -> dict[str, int]:
    path.write_bytes(bytes(frame.data))
    return {"rate": frame.sample_rate, "channels": frame.num_channels, "samples": frame.samples_per_channel}


async def drip(speaker: tts.TTS) -> bytes:
    """Token by token, as an agent gives it what its LLM writes."""
    adapter = tts.StreamAdapter(tts=speaker, sentence_tokenizer=tokenize.basic.SentenceTokenizer(min_sentence_len=5))
    stream = adapter.stream()
    for token in ("The first ", "sentence is ", "this one. ", "And here ", "is the ", "second."):
        stream.push_text(token)
    stream.end_input()
    frames = [audio.frame async for audio in stream]
    await stream.aclose()
    return b"".join(bytes(frame.data) for frame in frames)


async def refused(speaker: tts.TTS, text: str) -> dict[str, Any]:
    try:
        await speaker.synthesize(text, conn_options=ONCE).collect()
    except APIStatusError as error:
        body = error.body if isinstance(error.body, dict) else {}
        told = {"status": error.status_code, "retryable": error.retryable, "request_id": error.request_id}
        return {"class": type(error).__name__, **told, "code": body.get("code")}
    return {"class": "none"}


async def leave(url: str, folder: Path) -> dict[str, Any]:
    """An agent is interrupted."""
    async with voice(url, response_format="pcm") as speaker:
        stream = speaker.synthesize((folder / "long.txt").read_text())
        first = await anext(stream)
        await stream.aclose()
    return {"heard": first.frame.samples_per_channel}


async def wait(url: str, folder: Path) -> dict[str, Any]:
    """Its own retries, at its own pace: a second apart."""
    async with voice(url, voice="alloy", response_format="pcm") as speaker:
        busy = await refused(speaker, "No patience.")
        patience = APIConnectOptions(max_retry=60, retry_interval=1)
        keep(folder / "waited.pcm", await speaker.synthesize("Patience.", conn_options=patience).collect())
    return {"busy": busy}


if __name__ == "__main__":
    mode = {"say": say, "leave": leave, "wait": wait}[sys.argv[1]]
    print(json.dumps(asyncio.run(mode(sys.argv[2], Path(sys.argv[3])))))
