"""Many texts that nobody waits for, with OpenAI's Files and Batches API: a file for each line.

pip install openai
python examples/batch.py spoken/ "First text." "Second text."
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from openai import OpenAI
from openai.types import Batch

URL = os.environ.get("KOKORO_FLEET_URL", "http://localhost:8880")
KEY = os.environ.get("KOKORO_FLEET_API_KEY", "not-needed")
ENDPOINT: Any = "/v1/audio/speech"  # which OpenAI's own batches do not have
OVER = {"completed", "failed", "expired", "cancelled"}


def main(folder: Path, texts: list[str]) -> None:
    client = OpenAI(base_url=f"{URL}/v1", api_key=KEY)
    lines = "\n".join(json.dumps(line(f"text-{number}", text)) for number, text in enumerate(texts, 1))
    source = client.files.create(file=("lines.jsonl", lines.encode()), purpose="batch")
    batch = ended(client, client.batches.create(input_file_id=source.id, endpoint=ENDPOINT, completion_window="24h"))
    folder.mkdir(parents=True, exist_ok=True)
    if batch.output_file_id:
        for result in map(json.loads, client.files.content(batch.output_file_id).iter_lines()):
            audio = client.files.content(result["response"]["body"]["file_id"])
            audio.write_to_file(folder / f"{result['custom_id']}.mp3")
    if batch.error_file_id:
        raise SystemExit(client.files.content(batch.error_file_id).text)
    if batch.status != "completed":
        raise SystemExit(f"{batch.status}: {batch.errors}")


def line(custom_id: str, text: str) -> dict[str, object]:
    body = {"model": "kokoro", "input": text, "voice": "af_heart", "response_format": "mp3"}
    return {"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body}


def ended(client: OpenAI, batch: Batch) -> Batch:
    """The batch once it is over. A `webhook_url` spares you the asking: see docs/jobs.md."""
    while batch.status not in OVER:
        time.sleep(1)
        batch = client.batches.retrieve(batch.id)
    return batch


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
