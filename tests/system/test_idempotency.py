"""``Idempotency-Key`` over HTTP: two gateways, one worker, one Valkey. What was spoken is read from the worker."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest
from redis import Redis

from shared.contract import Lane
from tests.conftest import Service, running_service, running_valkey, wait_until

SENTENCES = " ".join(f"Sentence number {number} says something of its own." for number in range(24))
pytestmark = pytest.mark.timeout(180)

PACED = {"FAKE_SPEED_FACTOR": "50"}
"""Slow enough for things to happen while it is spoken."""


@dataclass
class Pair:
    """Two replicas of the gateway."""

    first: Service
    second: Service
    redis: Redis

    def jobs(self) -> int:
        """Published so far. The workers' own counters come with their heartbeats, a little later."""
        lanes: list[Any] = [self.redis.xinfo_stream(f"tts:jobs:{lane.value}") for lane in Lane]
        return sum(lane["entries-added"] for lane in lanes)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_valkey() as server, contextlib.ExitStack() as stack:
        # Both at once: a gateway takes a while to start.
        second = Service(server.url, tmp_path_factory.mktemp("second"), {})
        stack.callback(second.close)
        first = stack.enter_context(running_service(server.url, tmp_path_factory.mktemp("first"), PACED))
        second.wait_ready()
        yield Pair(first, second, stack.enter_context(Redis.from_url(server.url)))


def speak(
    service: Service, key: str, text: str, *, path: str = "/v1/audio/speech", timeout_s: float = 60, **fields: Any
) -> httpx.Response:
    body = {"input": text, "response_format": "pcm", **fields}
    return httpx.post(service.url + path, json=body, headers={"Idempotency-Key": key}, timeout=timeout_s)


def new_key() -> str:
    return uuid.uuid4().hex


@pytest.mark.parametrize("fields", [{}, {"stream": False}, {"response_format": "mp3"}, {"stream_format": "sse"}])
def test_the_retry_gets_the_same_bytes_from_any_replica_and_nothing_is_spoken(
    pair: Pair, fields: dict[str, Any]
) -> None:
    key = new_key()
    answer = speak(pair.first, key, "Say this once.", **fields)
    done = pair.jobs()
    assert (answer.status_code, answer.headers.get("idempotent-replayed")) == (200, None)
    for replica in (pair.second, pair.first):
        again = speak(replica, key, "Say this once.", **fields)
        assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
        assert again.content == answer.content
        for name in ("content-type", "content-length", "content-disposition"):
            assert again.headers.get(name) == answer.headers.get(name)
        assert again.headers["x-request-id"] != answer.headers["x-request-id"]
    assert pair.jobs() == done


@pytest.mark.parametrize("path", ["/v1/audio/captioned_speech", "/v1/audio/subtitles"])
def test_other_answers_are_kept_as_well(pair: Pair, path: str) -> None:
    key = new_key()
    answer = speak(pair.first, key, "Say this once.", path=path)
    again = speak(pair.second, key, "Say this once.", path=path)
    assert (again.content, again.headers["idempotent-replayed"]) == (answer.content, "true")


def test_the_same_request_written_otherwise_is_the_same(pair: Pair) -> None:
    key = new_key()
    answer = speak(pair.first, key, "Hello.")
    assert "idempotent-replayed" in speak(pair.first, key, "Hello.", speed=1, seed=0, user="unknown field").headers
    other = speak(pair.first, key, "Hello.", seed=1)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert speak(pair.first, key, "Hello.", path="/v1/audio/subtitles").status_code == 422
    assert speak(pair.first, new_key(), "Hello.", seed=1).content != answer.content


def test_openais_sdk_sees_a_reused_key_at_once(pair: Pair) -> None:
    with openai.OpenAI(base_url=f"{pair.first.url}/v1", api_key="not-needed") as client:
        key = {"Idempotency-Key": new_key()}
        client.audio.speech.create(model="kokoro", voice="af_bella", input="One.", extra_headers=key)
        with pytest.raises(openai.UnprocessableEntityError) as refused:
            client.audio.speech.create(model="kokoro", voice="af_bella", input="Two.", extra_headers=key)
        assert refused.value.code == "idempotency_key_reused"


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "\u00e9"])
def test_a_key_of_the_wrong_form_is_refused(pair: Pair, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    answer = httpx.post(f"{pair.first.url}/v1/audio/speech", json={"input": "Hi."}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "Idempotency-Key")


def test_many_at_once_at_two_replicas_are_spoken_once(pair: Pair) -> None:
    expected = pair.first.speak(SENTENCES).content
    done = pair.jobs()
    pair.first.speak(SENTENCES)
    chunks = pair.jobs() - done
    key = new_key()
    with ThreadPoolExecutor(8) as pool:
        replicas = [pair.first, pair.second] * 4
        answers = list(pool.map(lambda replica: speak(replica, key, SENTENCES), replicas))
    assert [answer.content == expected for answer in answers] == [True] * 8
    assert ["idempotent-replayed" in answer.headers for answer in answers].count(False) == 1
    assert pair.jobs() == done + 2 * chunks


def test_a_client_that_timed_out_gets_it_from_the_other_replica(pair: Pair) -> None:
    key = new_key()
    done = pair.jobs()
    expected = pair.first.speak(SENTENCES, stream=False).content
    chunks = pair.jobs() - done
    with pytest.raises(httpx.ReadTimeout):
        speak(pair.first, key, SENTENCES, timeout_s=0.5, stream=False)
    again = speak(pair.second, key, SENTENCES, stream=False)
    assert (again.content == expected, again.headers["idempotent-replayed"]) == (True, "true")
    assert pair.jobs() == done + 2 * chunks


def test_a_killed_gateway_frees_the_key_within_seconds(pair: Pair) -> None:
    """The last one: it takes the first replica away."""
    text, key = SENTENCES * 2, new_key()
    expected = pair.second.speak(text, stream=False).content
    published = pair.jobs()
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(speak, pair.first, key, text, stream=False)
        wait_until(lambda: pair.jobs() > published, "it speaks")
        pair.first.gateway.kill()
        again = speak(pair.second, key, text, stream=False)
        assert isinstance(lost.exception(), httpx.TransportError)
    assert (again.status_code, again.content == expected) == (200, True)
    assert "idempotent-replayed" not in again.headers
    assert again.elapsed.total_seconds() < 20
