"""A gateway, a worker and batch runners that share a folder, and OpenAI's own client to speak to them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
from openai import OpenAI
from openai.types import Batch

from tests.conftest import START_TIMEOUT_S, Process, Service, Valkey, running_service, running_valkey, wait_until

ENDED = {"completed", "failed", "expired", "cancelled"}


class BatchService:
    """A service whose queue is its own, so that tests may look into it."""

    def __init__(self, service: Service, queue: Valkey, folder: Path, environment: dict[str, str]) -> None:
        self.service = service
        self.queue = queue
        self.folder = folder
        self.environment = environment
        self.runners: list[Process] = []
        self.client = OpenAI(base_url=f"{service.url}/v1", api_key="not-needed", max_retries=0)

    def start_runner(self, **environment: str) -> Process:
        name = f"runner-{len(self.runners)}"
        runner = launched(name, self.service.redis_url, self.folder, {**self.environment, **environment})
        self.runners.append(runner)
        wait_for(runner)
        return runner

    def upload(self, lines: Iterable[object], **fields: Any) -> str:
        content = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        return self.client.files.create(file=("lines.jsonl", content.encode()), purpose="batch", **fields).id

    def begin(self, lines: Iterable[object], **fields: Any) -> Batch:
        return self.begin_file(self.upload(lines), **fields)

    def begin_file(self, file_id: str, **fields: Any) -> Batch:
        endpoint: Any = "/v1/audio/speech"  # one that OpenAI itself does not have
        return self.client.batches.create(input_file_id=file_id, endpoint=endpoint, completion_window="24h", **fields)

    def wait(self, batch_id: str, until: Callable[[Batch], bool] | None = None, timeout_s: float = 40) -> Batch:
        """The batch once it has ended, or ``until`` says so."""
        seen: list[Batch] = []

        def is_there() -> bool:
            seen[:] = [self.client.batches.retrieve(batch_id)]
            return until(seen[0]) if until else seen[0].status in ENDED

        wait_until(is_there, f"{batch_id} to come so far", timeout_s)
        return seen[0]

    def lines_of(self, file_id: str | None) -> list[dict[str, Any]]:
        """What a batch wrote; nothing where it wrote no such file."""
        if file_id is None:
            return []
        return [json.loads(line) for line in self.client.files.content(file_id).text.splitlines()]

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.service.url + path, headers=headers)

    def close(self) -> None:
        self.client.close()
        for runner in self.runners:
            if runner.process.poll() is None:
                runner.kill()


def launched(name: str, redis_url: str, folder: Path, environment: dict[str, str]) -> Process:
    """A runner that is about to be there."""
    return Process("batch", {"REDIS_URL": redis_url, **environment}, folder / f"{name}.log")


def wait_for(runner: Process) -> None:
    wait_until(lambda: '"ready"' in runner.log.read_text(), "a batch runner", START_TIMEOUT_S)


def line(custom_id: str, text: str = "Hello.", **body: object) -> dict[str, object]:
    fields = {"model": "kokoro", "input": text, "voice": "af_bella", "response_format": "pcm", **body}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/audio/speech", "body": fields}


@contextlib.contextmanager
def running_batch_service(
    folder: Path, environment: dict[str, str] | None = None, *, runners: int = 1, durable: bool = False
) -> Iterator[BatchService]:
    """``durable``: its queue may be killed and started again, and knows what it knew."""
    settings = {"STORAGE_URL": str(folder / "stored"), "HEARTBEAT_S": "0.3", **(environment or {})}
    with running_valkey(durable=durable) as server:
        # With the others, not after them: each takes its time.
        launching = [launched(f"runner-{number}", server.url, folder, settings) for number in range(runners)]
        try:
            with running_service(server.url, folder, settings) as service:
                batches = BatchService(service, server, folder, settings)
                batches.runners += launching
                for runner in launching:
                    wait_for(runner)
                try:
                    yield batches
                finally:
                    batches.close()
        finally:
            for runner in launching:
                runner.kill()
