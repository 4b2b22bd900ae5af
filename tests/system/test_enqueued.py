"""Speech for other services, by the queue alone."""

from __future__ import annotations

import ast
import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from bench.texts import text_of
from shared.jobs_client import JobsClient, SpeechFailed, SpeechJob, SpeechResult
from shared.streams.tenants import TenantRecord
from tests.batch_service import BatchService, running_batch_service
from tests.conftest import wait_until
from tests.system.test_bad_input import check_error
from tests.tenants import add_tenant
from tests.webhooks.receiver import SECRET, WEBHOOKS, running_receiver

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "enqueue.py"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchService]:
    with running_batch_service(tmp_path_factory.mktemp("enqueued"), WEBHOOKS) as service:
        yield service


def spoken(fleet: BatchService, job: SpeechJob, job_id: str | None = None) -> SpeechResult:
    async def speaking() -> SpeechResult:
        async with JobsClient(fleet.service.redis_url) as client:
            queued = await client.enqueue(job, job_id)
            result = await client.wait(queued, 50)
            assert await client.result(queued) == result
            return result

    return asyncio.run(speaking())


def test_the_example_runs_as_it_is_shown(fleet: BatchService) -> None:
    environment = {**os.environ, "REDIS_URL": fleet.service.redis_url}
    shown = subprocess.check_output([sys.executable, EXAMPLE], env=environment, text=True, timeout=50)
    result = ast.literal_eval(shown)
    assert (result["status"], result["error"], result["files"][0]["content_type"]) == ("completed", None, "audio/mpeg")


def test_a_short_text_is_as_by_http(fleet: BatchService) -> None:
    [file] = spoken(fleet, SpeechJob("Hello.", "af_sky", "flac", 1.5)).files
    stored = (fleet.folder / "stored" / file.key).read_bytes()
    fields: dict[str, Any] = {"voice": "af_sky", "response_format": "flac", "speed": 1.5, "stream": False}
    assert stored == fleet.service.speak("Hello.", **fields).content
    assert stored == fleet.get(f"/v1/files/{file.file_id}/content").content
    assert file.num_bytes == len(stored)


def test_a_long_one_is_a_book(fleet: BatchService) -> None:
    text = f"# One\n\n{text_of(5_500)}\n\n# Two\n\nThe end."
    result = spoken(fleet, SpeechJob(text, response_format="m4b", more={"subtitles": "vtt", "title": "It"}))
    assert [file.name for file in result.files] == ["It.m4b", "It.vtt"]
    job = fleet.get(f"/v1/audio/jobs/{result.job_id}").json()
    assert [chapter["title"] for chapter in job["chapters"]] == ["One", "Two"]


def test_one_id_is_one_job(fleet: BatchService) -> None:
    results = [spoken(fleet, SpeechJob("Once."), "order-1") for _ in range(2)]
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("job", "code", "param"),
    [
        (SpeechJob(""), "unspeakable_text", "items[0]"),
        (SpeechJob("😀"), "unspeakable_text", "input"),
        (SpeechJob("Hi.", voice="nobody"), "voice_not_found", "items[0]"),
        (SpeechJob("Hi.", response_format="ogg"), "invalid_value", "items"),
        (SpeechJob("Hi.", tenant="nobody"), "tenant_not_found", "tenant"),
        (SpeechJob("Hi.", webhook_url="https://10.0.0.1/"), "webhook_refused", "webhook_url"),
        (SpeechJob("Hi.", more={"items": [{"input": "b"}]}), "invalid_value", None),
    ],
)
def test_what_cannot_be_done(fleet: BatchService, job: SpeechJob, code: str, param: str | None) -> None:
    with pytest.raises(SpeechFailed) as failed:
        spoken(fleet, job)
    assert (failed.value.code, failed.value.param) == (code, param)


def test_without_tenants_the_secret_is_the_operators(fleet: BatchService) -> None:
    check_error(fleet.get("/v1/webhooks/secret"), 403, None, "not_permitted")


def test_a_service_says_whose_work_it_is(fleet: BatchService) -> None:
    """Last: from here on nobody comes in without a key."""
    key, other = (add_tenant(fleet.service.redis_url, TenantRecord(name)) for name in ("acme", "umbrella"))
    result = spoken(fleet, SpeechJob("Hello.", tenant="acme"))
    for path in (f"/v1/files/{result.files[0].file_id}/content", f"/v1/audio/jobs/{result.job_id}"):
        assert fleet.get(path, authorization=f"Bearer {key}").status_code == 200
        assert fleet.get(path, authorization=f"Bearer {other}").status_code == 404
        assert fleet.get(path).status_code == 401
    for path in ("", "/events"):
        job = f"/v1/audio/jobs/{result.job_id}{path}"
        assert fleet.get(job, authorization=f"Bearer {other}").status_code == 404
    assert fleet.get("/v1/audio/jobs", authorization=f"Bearer {other}").json()["data"] == []
    secrets = [
        fleet.get("/v1/webhooks/secret", authorization=f"Bearer {each}").json()["secret"] for each in (key, other)
    ]
    with running_receiver() as receiver:
        spoken(fleet, SpeechJob("Hello.", tenant="acme", webhook_url=receiver.url))
        wait_until(lambda: bool(receiver.received), "the webhook", 30)
    [got] = receiver.received
    Webhook(secrets[0]).verify(got.body, got.headers)
    for wrong in (secrets[1], SECRET):
        with pytest.raises(WebhookVerificationError):
            Webhook(wrong).verify(got.body, got.headers)
