"""LiteLLM's SDK: `speech` and `aspeech`, and what it makes of refusals."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import litellm
from openai import APIStatusError  # litellm's own errors are openai's


def refused(call: Callable[[], object]) -> dict[str, Any]:
    try:
        call()
    except APIStatusError as error:
        return {"class": type(error).__name__, "status": error.status_code, "message": error.message}
    return {"class": "none"}


def say(url: str, folder: Path) -> dict[str, Any]:
    ours = {"api_base": f"{url}/v1", "api_key": "not-needed"}
    plain = litellm.speech(model="openai/kokoro", voice="alloy", input="Plain.", **ours)
    plain.write_to_file(folder / "plain.mp3")
    litellm.speech(
        model="openai/tts-1", voice="af_bella+af_sky", input="Mixed.", response_format="pcm", speed=1.25, **ours
    ).write_to_file(folder / "mixed.pcm")
    coming = litellm.aspeech(
        model="openai/tts-1", voice="alloy", input="Asynchronously.", response_format="pcm", **ours
    )
    asyncio.run(coming).write_to_file(folder / "async.pcm")
    return {
        "version": importlib.metadata.version("litellm"),
        "upstream_headers": sorted(plain._hidden_params.get("additional_headers", {})),
        "unknown_voice": refused(
            lambda: litellm.speech(model="openai/tts-1", voice="nobody", input="Refused.", num_retries=0, **ours)
        ),
        "unknown_model": refused(
            lambda: litellm.speech(model="openai/whisper-1", voice="alloy", input="Refused.", num_retries=0, **ours)
        ),
    }


def wait(url: str, folder: Path) -> dict[str, Any]:
    ask = {"model": "openai/tts-1", "voice": "alloy", "api_base": f"{url}/v1", "api_key": "x", "response_format": "pcm"}
    busy = refused(lambda: litellm.speech(input="No patience.", max_retries=0, **ask))
    litellm.speech(input="Patience.", max_retries=20, **ask).write_to_file(folder / "waited.pcm")
    return {"busy": busy}


if __name__ == "__main__":
    print(json.dumps({"say": say, "wait": wait}[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))))
