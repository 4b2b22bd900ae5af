"""A client of the jobs API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from tests.batch_service import ENDED, BatchService
from tests.conftest import wait_until


class Jobs:
    """Of one service."""

    def __init__(self, service: BatchService) -> None:
        self.service = service
        self.url = f"{service.service.url}/v1/audio/jobs"

    def post(self, **body: Any) -> httpx.Response:
        return httpx.post(self.url, json=body, timeout=30)

    def begin(self, **body: Any) -> str:
        answer = self.post(**body)
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        assert answer.headers["location"] == f"/v1/audio/jobs/{job['id']}"
        return str(job["id"])

    def get(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = httpx.get(f"{self.url}/{job_id}").json()
        return job

    def wait(
        self, job_id: str, until: Callable[[dict[str, Any]], bool] | None = None, timeout_s: float = 40
    ) -> dict[str, Any]:
        """The job once it has ended, or ``until`` says so."""
        seen: list[dict[str, Any]] = []

        def is_there() -> bool:
            seen[:] = [self.get(job_id)]
            return until(seen[0]) if until else seen[0]["status"] in ENDED

        wait_until(is_there, f"{job_id} to come so far", timeout_s)
        return seen[0]

    def delete(self, job_id: str) -> dict[str, Any]:
        told: dict[str, Any] = httpx.delete(f"{self.url}/{job_id}").json()
        return told

    def done(self, **body: Any) -> dict[str, Any]:
        job = self.wait(self.begin(**body))
        assert job["status"] == "completed", job
        return job

    def file(self, told: dict[str, Any]) -> bytes:
        answer = httpx.get(self.service.service.url + told["url"])
        assert (answer.status_code, len(answer.content)) == (200, told["bytes"])
        return answer.content
