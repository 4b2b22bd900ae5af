"""The time of every word while the audio comes: a JSON object a line, each with a piece of the audio.

pip install httpx
python examples/captions.py hello.mp3
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

import httpx

URL = os.environ.get("KOKORO_FLEET_URL", "http://localhost:8880")
HEADERS = {"Authorization": f"Bearer {os.environ.get('KOKORO_FLEET_API_KEY', 'not-needed')}"}
BODY = {"input": "Every word has its time. So has the next one.", "voice": "bf_emma", "response_format": "mp3"}


def main(path: Path) -> None:
    with (
        path.open("wb") as file,
        httpx.stream("POST", f"{URL}/v1/audio/captioned_speech", json=BODY, headers=HEADERS, timeout=60) as answer,
    ):
        if answer.is_error:
            raise SystemExit(json.loads(answer.read())["error"]["message"])
        for line in answer.iter_lines():
            told = json.loads(line)
            file.write(base64.b64decode(told["audio"]))
            for word in told["timestamps"] or ():
                sys.stdout.write(f"{word['start_time']:8.2f}  {word['word']}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
