"""A client of /v1/audio/speech/stream: speaks standard input into a WAV file while it is being typed.

pip install websockets
echo "Hello there. How are you?" | python examples/websocket_client.py hello.wav
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import wave
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

URL = os.environ.get("KOKORO_FLEET_URL", "http://localhost:8880")
HEADERS = {"Authorization": f"Bearer {os.environ.get('KOKORO_FLEET_API_KEY', 'not-needed')}"}


async def main(path: Path) -> None:
    address = URL.replace("http", "ws", 1) + "/v1/audio/speech/stream"
    async with connect(address, additional_headers=HEADERS) as connection:
        await connection.send(json.dumps({"type": "start", "voice": "af_heart", "binary": True, "max_ahead_s": 3600}))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send_lines(connection))
            tasks.create_task(receive(connection, path))


async def send_lines(connection: ClientConnection) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        await connection.send(json.dumps({"type": "text", "text": line}))
    await connection.send(json.dumps({"type": "end"}))


async def receive(connection: ClientConnection, path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        async for message in connection:
            if isinstance(message, bytes):
                file.writeframes(message[2 + message[1] :])  # a version, the length of the context's id, the id, audio
                continue
            told = json.loads(message)
            if told["type"] == "words":
                for word in told["words"]:
                    sys.stdout.write(f"{word['start_time']:8.2f}  {word['word']}\n")
            elif told["type"] == "error":
                raise SystemExit(told["error"]["message"])
            elif told["type"] == "done":
                return


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
