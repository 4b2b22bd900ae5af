"""Speech with OpenAI's own SDK: into a file as it comes, or to whoever takes pcm.

pip install openai
python examples/openai_sdk.py hello.opus
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from openai import OpenAI

URL = os.environ.get("KOKORO_FLEET_URL", "http://localhost:8880")
KEY = os.environ.get("KOKORO_FLEET_API_KEY", "not-needed")
FORMATS = {".mp3": "mp3", ".opus": "opus", ".aac": "aac", ".flac": "flac", ".wav": "wav", ".pcm": "pcm"}


def main(path: Path) -> None:
    client = OpenAI(base_url=f"{URL}/v1", api_key=KEY)
    with client.audio.speech.with_streaming_response.create(
        model="kokoro",
        voice="af_bella(2)+af_sky(1)",
        input="Two voices, mixed. The first words can be heard long before the last are spoken.",
        response_format=FORMATS[path.suffix],  # type: ignore[arg-type]
    ) as response:
        response.stream_to_file(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
