"""A book as one file with chapters and subtitles, spoken when there is room.

pip install httpx
python examples/audiobook.py book.txt book.m4b
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx

URL = os.environ.get("KOKORO_FLEET_URL", "http://localhost:8880")
HEADERS = {"Authorization": f"Bearer {os.environ.get('KOKORO_FLEET_API_KEY', 'not-needed')}"}


def main(book: Path, path: Path) -> None:
    body = {
        "input": book.read_text(encoding="utf-8"),
        "voice": "bm_george",
        "response_format": path.suffix.removeprefix("."),
        "subtitles": "srt",
        "title": path.stem,
    }
    with httpx.Client(base_url=URL, headers=HEADERS, timeout=60) as client:
        answer = client.post("/v1/audio/jobs", json=body)
        if answer.is_error:
            raise SystemExit(answer.json()["error"]["message"])
        job = followed(client, answer.json()["id"])
        if job["status"] != "completed":
            raise SystemExit(f"{job['status']}: {job['error']}")
        for file in job["files"]:
            target = path.with_suffix(Path(file["name"]).suffix)
            with client.stream("GET", file["url"]) as content, target.open("wb") as out:
                content.raise_for_status()
                for packet in content.iter_bytes():
                    out.write(packet)
    for chapter in job["chapters"]:
        sys.stdout.write(f"{chapter['start']:9.2f}  {chapter['title']}\n")


def followed(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """The job once it is over; server-sent events say whenever something has changed."""
    job: dict[str, Any] = {}
    with client.stream("GET", f"/v1/audio/jobs/{job_id}/events", timeout=None) as events:
        for line in events.iter_lines():
            if line.startswith("data: "):
                job = json.loads(line.removeprefix("data: "))["job"]
                done, total = job["progress"]["done"], job["progress"]["total"]
                sys.stderr.write(f"\r{job['status']}, {done} of {total} parts")
    sys.stderr.write("\n")
    return job


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
