"""Limits and usage over HTTP and WebSocket: two gateways, one Redis, tenants of which each has another limit."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
import redis as sync_redis

from shared.streams.tenants import TenantRecord
from shared.tenants import TenantLimits
from tests.conftest import bearer, wait_until
from tests.system.websocket_client import connected
from tests.tenants import ADMIN_KEY, TenantFleet, tenant_fleet

pytestmark = pytest.mark.timeout(180)

TENANTS = (
    TenantRecord("few", limits=TenantLimits(requests_per_minute=6)),
    TenantRecord("short", limits=TenantLimits(requests_per_minute=100, characters_per_minute=200)),
    TenantRecord("narrow", limits=TenantLimits(concurrent_streams=1, queued_characters=200_000)),
    TenantRecord("poor", limits=TenantLimits(monthly_characters=50)),
    TenantRecord("full", limits=TenantLimits(stored_bytes=200)),
    TenantRecord("counted", weight=2.0),
)
LONG = "A long text takes a while to speak, and all the while its stream is open. " * 200


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenantFleet]:
    # Slow enough for streams to stay open, and a gateway that dies is known to be dead within two seconds.
    environment = {"FAKE_SPEED_FACTOR": "50", "HEARTBEAT_S": "0.2"}
    with tenant_fleet(tmp_path_factory.mktemp("limits"), TENANTS, environment) as running:
        yield running


def speak(http: httpx.Client, text: str = "Hello.", headers: dict[str, str] | None = None, **fields: Any) -> Any:
    body = {"input": text, "response_format": "pcm", **fields}
    return http.post("/v1/audio/speech", json=body, headers=headers)


def refusal(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The error that it says."""
    assert answer.status_code == status, answer.text[:500]
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def held(fleet: TenantFleet, tenant_id: str) -> int:
    with sync_redis.Redis.from_url(fleet.redis_url) as client:
        return int(client.zcard(f"tts:limit:{tenant_id}:leases"))


def spent(fleet: TenantFleet, tenant_id: str) -> int:
    """Of the month's budget."""
    with sync_redis.Redis.from_url(fleet.redis_url) as client:
        return sum(int(client.get(key) or 0) for key in client.keys(f"tts:limit:{tenant_id}:month:*"))


def used(fleet: TenantFleet, tenant_id: str, **params: str) -> list[dict[str, Any]]:
    """Today's."""
    with fleet.http(tenant_id) as http:
        page = http.get("/v1/usage", params=params).raise_for_status().json()
    results: list[dict[str, Any]] = page["data"][-1]["results"]
    return results


class TestRates:
    def test_a_minutes_requests_are_of_all_gateways_together(self, fleet: TenantFleet) -> None:
        with fleet.http("few") as one, fleet.http("few", other=True) as other:
            answers = [speak(http) for http in (one, other) * 4]
        assert [answer.status_code for answer in answers] == [200] * 6 + [429] * 2
        remaining = [answer.headers["x-ratelimit-remaining-requests"] for answer in answers]
        assert remaining == ["5", "4", "3", "2", "1", "0", "0", "0"]
        assert {answer.headers["x-ratelimit-limit-requests"] for answer in answers} == {"6"}
        assert not [name for name in answers[0].headers if name.endswith("-tokens")]
        refused = answers[-1]
        error = refusal(refused, 429)
        assert (error["code"], error["type"]) == ("rate_limit_exceeded", "requests")
        wait_ms = int(refused.headers["retry-after-ms"])
        assert 0 <= int(refused.headers["retry-after"]) * 1000 - wait_ms < 1000
        assert 30_000 < wait_ms <= 61_000
        assert re.fullmatch(r"1m0(\.\d+)?s|[345]\d(\.\d+)?s", refused.headers["x-ratelimit-reset-requests"])

    def test_what_takes_nothing_tells_where_its_tenant_stands(self, fleet: TenantFleet) -> None:
        with fleet.http("short") as http:
            speak(http, "Twelve of it.")
            voices = http.get("/v1/audio/voices")
            wrong = speak(http, "x", voice="nobody")
        for answer in (voices, wrong):
            assert answer.headers["x-ratelimit-limit-tokens"] == "200"
            assert answer.headers["x-ratelimit-remaining-tokens"] == "187"
            assert answer.headers["x-ratelimit-remaining-requests"] == "99"

    def test_what_can_never_fit_is_refused_for_good(self, fleet: TenantFleet) -> None:
        with fleet.http("short") as http:
            answer = speak(http, "x" * 201)
        error = refusal(answer, 429)
        assert (error["code"], error["type"]) == ("rate_limit_exceeded", "tokens")
        assert "never" in error["message"]
        assert answer.headers["x-should-retry"] == "false"
        assert "retry-after" not in answer.headers

    def test_openais_client_raises_its_rate_limit_error(self, fleet: TenantFleet) -> None:
        with openai.OpenAI(base_url=f"{fleet.one.url}/v1", api_key=fleet.keys["short"], max_retries=3) as client:
            began = time.monotonic()
            with pytest.raises(openai.RateLimitError) as refused:
                client.audio.speech.create(model="tts-1", voice="alloy", input="x" * 500)
            assert time.monotonic() - began < 3, "not tried again: it was told not to"
            assert refused.value.code == "rate_limit_exceeded"

    def test_a_replay_costs_nothing(self, fleet: TenantFleet) -> None:
        headers = {"Idempotency-Key": "the-same"}
        with fleet.http("short") as http:
            before = speak(http, "Once and no more.", headers=headers)
            again = speak(http, "Once and no more.", headers=headers)
        assert again.headers["idempotent-replayed"] == "true"
        left = "x-ratelimit-remaining-tokens"
        assert before.headers[left] == again.headers[left]


class TestStreams:
    def test_a_second_stream_waits_for_the_first_to_end(self, fleet: TenantFleet) -> None:
        body = {"input": LONG, "response_format": "pcm"}
        with fleet.http("narrow") as one, fleet.http("narrow", other=True) as other:
            with one.stream("POST", "/v1/audio/speech", json=body) as first:
                packets = first.iter_raw()
                next(packets)
                error = refusal(refused := speak(other), 429)
                assert (error["code"], error["type"]) == ("rate_limit_exceeded", "requests")
                assert refused.headers["retry-after"] == "1"
                assert held(fleet, "narrow") == 1
                del packets  # whoever lets go of it has left
            # It left before its end.
            wait_until(lambda: held(fleet, "narrow") == 0, "the stream is given back")
            assert speak(other).status_code == 200

    def test_it_is_given_back_before_the_last_byte_of_a_file(self, fleet: TenantFleet) -> None:
        with fleet.http("narrow") as one, fleet.http("narrow", other=True) as other:
            answers = [speak(http, stream=stream) for http in (one, other) for stream in (True, False) * 3]
        assert [answer.status_code for answer in answers] == [200] * 12

    def test_it_is_given_back_when_the_request_fails(self, fleet: TenantFleet) -> None:
        with fleet.http("narrow") as http:
            for _ in range(3):
                refusal(speak(http, "?!"), 400)
            assert speak(http).status_code == 200

    def test_a_websocket_context_is_one_stream_and_gives_it_back(self, fleet: TenantFleet) -> None:
        with connected(fleet.one.url, additional_headers=bearer(fleet.keys["narrow"])) as client:
            client.say("start", "a")
            client.say("text", "a", text=LONG[:4000])
            client.say("flush", "a")
            wait_until(lambda: held(fleet, "narrow") >= 1, "the context is open")
            with fleet.http("narrow", other=True) as other:
                refusal(speak(other), 429)
            client.say("start", "b")
            client.say("text", "b", text="Another. ")
            client.say("end", "b")
            error = client.until("error", "b")["error"]
            assert (error["code"], error["type"]) == ("rate_limit_exceeded", "requests")
            client.say("cancel", "a")
            wait_until(lambda: held(fleet, "narrow") == 0, "the context is given back")
            client.say("start", "c")
            client.say("text", "c", text=LONG[:4000])
            wait_until(lambda: held(fleet, "narrow") >= 1, "the next is open")
        wait_until(lambda: held(fleet, "narrow") == 0, "the connection is closed")


class TestMonth:
    def test_a_budget_that_is_used_up_is_a_quota_and_not_to_be_waited_for(self, fleet: TenantFleet) -> None:
        with fleet.http("poor") as http:
            assert speak(http, "x" * 10 + " thirty characters it is.").status_code == 200
            for _ in range(3):
                refusal(speak(http, "?!?!"), 400)
            wait_until(lambda: spent(fleet, "poor") == 35, "what failed is given back")
            assert speak(http, "Ten of it.").status_code == 200
            answer = speak(http, "And ten too.")
        error = refusal(answer, 429)
        assert (error["code"], error["type"]) == ("insufficient_quota", "insufficient_quota")
        assert answer.headers["x-should-retry"] == "false"


class TestStorage:
    def test_more_is_taken_when_there_is_room_again(self, fleet: TenantFleet) -> None:
        line = b'{"custom_id": "1", "method": "POST", "url": "/v1/audio/speech", "body": {"input": "Hi."}}\n'
        with openai.OpenAI(base_url=f"{fleet.one.url}/v1", api_key=fleet.keys["full"], max_retries=0) as client:
            first = client.files.create(file=("a.jsonl", line), purpose="batch")
            with pytest.raises(openai.RateLimitError) as refused:  # it is not half of what is there
                client.files.create(file=("b.jsonl", line * 2), purpose="batch")
            assert refused.value.code == "insufficient_quota"
            assert refused.value.response.headers["x-should-retry"] == "false"
            second = client.files.create(file=("b.jsonl", line + b"\n" * (200 - 2 * len(line))), purpose="batch")
            with fleet.http("full", other=True) as http:
                batch = {"input_file_id": first.id, "endpoint": "/v1/audio/speech", "completion_window": "24h"}
                job = {"input": "Hi.", "voice": "af_bella"}
                for path, body in (("/v1/batches", batch), ("/v1/audio/jobs", job)):
                    assert refusal(http.post(path, json=body), 429)["code"] == "insufficient_quota", path
                    with fleet.http("counted") as others:
                        assert others.post(path, json=body).status_code != 429
            assert {file.id for file in client.files.list()} == {first.id, second.id}
            client.files.delete(second.id)
            with fleet.http("full") as http:
                assert http.post("/v1/batches", json=batch).json()["status"] == "validating"


class TestUsage:
    def test_it_is_counted_by_voice_and_key_whatever_the_door(self, fleet: TenantFleet) -> None:
        text = "Say this."
        turns = [{"voice": "af_heart", "text": "Four."}, {"voice": "am_adam", "text": "Four."}]
        with fleet.http("counted") as one, fleet.http("counted", other=True) as other:
            for http in (one, other):
                assert speak(http, text, voice="af_sky").status_code == 200
            one.post("/v1/audio/dialogue", json={"turns": turns, "response_format": "pcm"}).raise_for_status()
            one.post("/v1/audio/captioned_speech", json={"input": text, "voice": "af_sky"}).raise_for_status()
            one.post("/v1/audio/subtitles", json={"input": text, "voice": "af_sky"}).raise_for_status()
            refusal(speak(one, "?!", voice="af_sky"), 400)
        with connected(fleet.one.url, additional_headers=bearer(fleet.keys["counted"])) as client:
            client.say("start", "a", voice="bf_emma")
            client.say("text", "a", text="One sentence. And another one.")
            client.say("end", "a")
            client.until("done", "a")

        def requests() -> int:
            return sum(result["num_model_requests"] for result in used(fleet, "counted"))

        wait_until(lambda: requests() >= 7, "all is counted")
        found = {result["voice"]: result for result in used(fleet, "counted", group_by="voice,api_key")}
        assert {voice: (each["num_model_requests"], each["characters"]) for voice, each in found.items()} == {
            "af_sky": (5, 4 * len(text)),
            "af_heart": (1, 6),
            "am_adam": (0, 5),
            "bf_emma": (1, len("One sentence. And another one.")),
        }
        assert found["af_sky"]["num_failed_requests"] == 1
        assert all(each["audio_seconds"] > 0.2 for each in found.values())
        assert {each["api_key_id"] for each in found.values()} == {fleet.keys["counted"].split("-")[2]}

    def test_csv_by_parameter_or_by_header(self, fleet: TenantFleet) -> None:
        with fleet.http("counted") as http:
            speak(http, voice="af_bella")
            wait_until(lambda: bool(used(fleet, "counted")), "something is counted")
            by_header = http.get("/v1/usage?group_by=voice", headers={"accept": "text/csv"})
            by_parameter = http.get("/v1/usage?group_by=voice&format=csv")
        for answer in (by_header, by_parameter):
            assert answer.headers["content-type"].startswith("text/csv")
            rows = list(csv.DictReader(io.StringIO(answer.text)))
            assert list(rows[0]) == ["date", "voice", "characters", "audio_seconds", "requests", "failed_requests"]

    def test_a_tenant_sees_its_own_and_the_operator_all(self, fleet: TenantFleet) -> None:
        with fleet.http("few") as http:
            speak(http)
            refusal(http.get("/v1/usage?group_by=tenant"), 400)
            refusal(http.get("/v1/usage?since=2026-11-01"), 400)
            assert http.get("/admin/usage").status_code == 401
        wait_until(lambda: bool(used(fleet, "few")), "something is counted")
        with httpx.Client(base_url=fleet.one.url, headers=bearer(ADMIN_KEY)) as operator:
            page = operator.get("/admin/usage?group_by=tenant").raise_for_status().json()
        assert {"few", "counted"} <= {result["tenant_id"] for result in page["data"][-1]["results"]}
        assert {result["tenant_id"] for result in used(fleet, "few")} == {None}


class TestTrouble:
    def test_streams_of_a_gateway_that_died_are_given_back(self, fleet: TenantFleet) -> None:
        body = {"input": LONG, "response_format": "pcm"}
        with fleet.http("narrow", other=True) as other, fleet.http("narrow") as one:
            with other.stream("POST", "/v1/audio/speech", json=body) as first:
                packets = first.iter_raw()
                next(packets)
                fleet.other.gateway.kill()
                began = time.monotonic()
                refusal(speak(one), 429)
                del packets  # whoever lets go of it has left
            wait_until(lambda: speak(one).status_code == 200, "its lease has lapsed")
            assert time.monotonic() - began < 12 * 0.2 + 3
