"""Speaks what a language model writes, while it writes it; Enter interrupts it, as a user's voice would.

    pip install websockets
    python examples/llm_drip.py                                          # needs ffplay
    python examples/llm_drip.py aplay -t raw -f S16_LE -r 24000 -c 1     # or whatever takes pcm

`tokens` stands for the model: put your own stream in its place, such as that of openai's chat completions.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator

from websockets.asyncio.client import ClientConnection, connect

URL = os.environ.get("KOKORO_FLEET_URL", "http://localhost:8880")
HEADERS = {"Authorization": f"Bearer {os.environ.get('KOKORO_FLEET_API_KEY', 'not-needed')}"}
PLAYER = (
    "ffplay",
    "-loglevel",
    "quiet",
    "-nodisp",
    "-autoexit",
    "-f",
    "s16le",
    "-ar",
    "24000",
    "-ch_layout",
    "mono",
    "-",
)
ANSWER = (
    "Good question. The sky is blue because air scatters short waves more than long ones. Blue light is short, red is "
    "long. In the evening the light comes a longer way through the air, and by then the blue is gone. "
) * 3


async def tokens() -> AsyncIterator[str]:
    """Twenty a second."""
    for start in range(0, len(ANSWER), 4):
        yield ANSWER[start : start + 4]
        await asyncio.sleep(0.05)


async def main() -> None:
    address = URL.replace("http", "ws", 1) + "/v1/audio/speech/stream"
    player = await asyncio.create_subprocess_exec(*(sys.argv[1:] or PLAYER), stdin=asyncio.subprocess.PIPE)
    async with connect(address, additional_headers=HEADERS) as connection:
        await connection.send(json.dumps({"type": "start", "context_id": "answer", "binary": True}))
        writing = asyncio.create_task(write(connection))
        interrupting = asyncio.create_task(interrupt(connection, writing))
        was_cancelled = await play(connection, player)
        writing.cancel()
        interrupting.cancel()
    if was_cancelled:
        player.kill()  # what it has buffered is not to be heard either
    elif player.stdin is not None:
        player.stdin.close()
    await player.wait()


async def write(connection: ClientConnection) -> None:
    async for token in tokens():
        await connection.send(json.dumps({"type": "text", "context_id": "answer", "text": token}))
    await connection.send(json.dumps({"type": "end", "context_id": "answer"}))


async def interrupt(connection: ClientConnection, writing: asyncio.Task[None]) -> None:
    if not sys.stdin.isatty():
        return
    typed = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, typed.set)
    await typed.wait()
    writing.cancel()
    await connection.send(json.dumps({"type": "cancel", "context_id": "answer"}))


async def play(connection: ClientConnection, player: asyncio.subprocess.Process) -> bool:
    """True if it was interrupted."""
    async for message in connection:
        if isinstance(message, bytes):
            if player.stdin is not None:
                player.stdin.write(message[2 + message[1] :])
                await player.stdin.drain()
            continue
        told = json.loads(message)
        if told["type"] == "error":
            raise SystemExit(told["error"]["message"])
        if told["type"] in {"done", "cancelled"}:
            return bool(told["type"] == "cancelled")
    return True


if __name__ == "__main__":
    asyncio.run(main())
