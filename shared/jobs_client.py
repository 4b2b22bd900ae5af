"""For other services: speech from the fleet by its queue, with types.

A service that has arq needs none of this: ``enqueue_job("synthesize_speech", {...})`` with msgpack does the same, see
``examples/enqueue.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from arq.jobs import Job

from shared.arq_queue import arq_queue, unpacked
from shared.streams import connect
from shared.streams.keys import reaching_redis

FUNCTION = "synthesize_speech"
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class SpeechJob:
    """What is to be spoken. A text of any length: over 5,000 characters it is spoken in parts and bound."""

    input: str
    voice: str | None = None
    response_format: str = "mp3"
    speed: float = 1.0
    tenant: str = ""
    """Whose work it is: in whose turn it is spoken, whose limits and usage it counts for, who may fetch the files."""
    webhook_url: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    """Any other field of POST /v1/audio/jobs: ``subtitles``, ``chapters``, ``lang_code`` …"""

    def fields(self) -> dict[str, Any]:
        """As ``synthesize_speech`` takes it."""
        said = {name: getattr(self, name) for name in self.__slots__ if name != "more"}
        return {**{name: value for name, value in said.items() if value is not None}, **self.more}


@dataclass(frozen=True, slots=True)
class SpeechFile:
    """One of the files that were made."""

    name: str
    file_id: str
    """For GET /v1/files/{file_id}/content."""
    key: str
    """Where it is in the object storage, under the prefix of STORAGE_URL."""
    num_bytes: int
    seconds: float
    content_type: str


@dataclass(frozen=True, slots=True)
class SpeechResult:
    """What became of a job."""

    job_id: str
    """For GET /v1/audio/jobs/{job_id}."""
    files: tuple[SpeechFile, ...]


class SpeechFailed(Exception):
    """The job came to nothing; ``code`` is one of the API's."""

    def __init__(self, code: str, message: str, param: str | None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.param = param


class JobsClient:
    """``async with JobsClient(redis_url) as client``. Raises QueueUnavailable."""

    def __init__(self, redis_url: str) -> None:
        self._redis = connect(redis_url)
        self._arq = arq_queue(self._redis)

    async def enqueue(self, job: SpeechJob, job_id: str | None = None) -> str:
        """Have it spoken when there is room; returns an id for ``result`` and ``wait``.

        job_id: of the caller's own; of several jobs with one id, within a day, only the first is taken.
        """
        async with reaching_redis():
            queued = await self._arq.enqueue_job(FUNCTION, job.fields(), _job_id=job_id)
        return queued.job_id if queued else str(job_id)

    async def result(self, job_id: str) -> SpeechResult | None:
        """What became of it; None: it is still to be done. Raises SpeechFailed."""
        async with reaching_redis():
            found = await self._job(job_id).result_info()
        if found is None:
            return None
        if not found.success:
            raise SpeechFailed("internal_error", str(found.result), None)
        return _result(found.result)

    async def wait(self, job_id: str, timeout_s: float) -> SpeechResult:
        """The same once it is done. Raises SpeechFailed, TimeoutError."""
        said: dict[str, Any] = await self._job(job_id).result(timeout=timeout_s, poll_delay=POLL_S)
        return _result(said)

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _job(self, job_id: str) -> Job:
        return Job(job_id, self._arq, _deserializer=unpacked)


def _result(said: Mapping[str, Any]) -> SpeechResult:
    """Raises SpeechFailed."""
    if said["status"] != "completed":
        fault = said["error"] or {"code": said["status"], "message": "The job was not finished.", "param": None}
        raise SpeechFailed(fault["code"], fault["message"], fault["param"])
    files = (
        SpeechFile(told["name"], told["file_id"], told["key"], told["bytes"], told["seconds"], told["content_type"])
        for told in said["files"]
    )
    return SpeechResult(said["job_id"], tuple(files))
