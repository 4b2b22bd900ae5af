"""Open WebUI's calls, sent as `routers/audio` of its version 0.12.4 sends them; Open WebUI itself is not run."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp

JSON = "application/json"


async def say(url: str, folder: Path) -> dict[str, Any]:
    base = f"{url}/v1"
    async with aiohttp.ClientSession(trust_env=True) as session:
        async with session.get(f"{base}/audio/models") as answer:  # first, and then what is said to be its fallback
            audio_models = answer.status
        async with session.get(f"{base}/models") as answer:
            models = (await answer.json())["data"]
        async with session.get(f"{base}/audio/voices") as answer:
            voices = {voice["id"]: voice["name"] for voice in (await answer.json())["voices"]}
        payload = {"input": "From a chat.", "voice": "af_heart", "model": "tts-1"}
        headers = {"Content-Type": JSON, "Authorization": "Bearer not-needed"}
        async with session.post(f"{base}/audio/speech", json=payload, headers=headers) as answer:
            (folder / "speech.mp3").write_bytes(await answer.read())
            media_type = answer.headers["Content-Type"]
        refused = {**payload, "voice": "nobody", "input": "Refused."}
        async with session.post(f"{base}/audio/speech", json=refused, headers=headers) as answer:
            error = (await answer.json())["error"]["message"]
    return {
        "version": importlib.metadata.version("aiohttp"),
        "audio_models": audio_models,
        "models": [model["id"] for model in models],
        "voices": voices,
        "type": media_type,
        "error": error,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run({"say": say}[sys.argv[1]](sys.argv[2], Path(sys.argv[3])))))
