"""Tenants over HTTP: two gateways, one Redis. Whose key it is, what each may have, and that nobody has another's."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from shared.api_keys import ApiKey
from shared.streams.tenants import TenantRecord
from tests.conftest import bearer, running_service, running_valkey, wait_until
from tests.system.test_bad_input import check_error
from tests.system.websocket_client import connected
from tests.tenants import ADMIN_KEY, TenantFleet, add_key, at_store, tenant_fleet

pytestmark = pytest.mark.timeout(180)

ACME, GLOBEX = TenantRecord("acme", "Acme Ltd"), TenantRecord("globex", "Globex Corp")
CHOOSY = TenantRecord("choosy", allowed_voices=("am_adam", "bf_emma"))
TEXT = "The same words for all."


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenantFleet]:
    environment = {"ALLOW_LOCAL_VOICE_SAVING": "true", "LOG_LEVEL": "DEBUG", "CACHE_MAX_MB": "50"}
    with tenant_fleet(tmp_path_factory.mktemp("tenants"), (ACME, GLOBEX, CHOOSY), environment) as running:
        yield running


def speak(http: httpx.Client, path: str = "speech", headers: dict[str, str] | None = None, **fields: Any) -> Any:
    body = {"input": TEXT, "response_format": "pcm", **fields}
    return http.post(f"/v1/audio/{path}", json=body, headers=headers)


class TestKeys:
    @pytest.mark.parametrize("header", ["authorization", "x-api-key", "api-key"])
    def test_a_key_comes_in_any_of_its_headers(self, fleet: TenantFleet, header: str) -> None:
        key = fleet.keys["acme"]
        headers = {header: f"Bearer {key}" if header == "authorization" else key}
        with fleet.http("") as http:
            assert speak(http, headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"authorization": "Bearer"},
            {"authorization": "Bearer not-needed"},
            {"authorization": f"Bearer {ApiKey.new().written}"},
            {"authorization": "Basic YWNtZTp4"},
            {"x-api-key": ADMIN_KEY},
        ],
    )
    def test_none_or_a_wrong_one_is_401(self, fleet: TenantFleet, headers: dict[str, str]) -> None:
        with fleet.http("") as http:
            answer = speak(http, headers=headers)
        check_error(answer, 401, None, "invalid_api_key")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert [value for value in headers.values() if value.split()[-1] in answer.text and value != "Bearer"] == []

    def test_openais_sdk_sees_what_it_knows(self, fleet: TenantFleet) -> None:
        with (
            openai.OpenAI(base_url=f"{fleet.one.url}/v1", api_key="sk-wrong") as stranger,
            pytest.raises(openai.AuthenticationError) as refused,
        ):
            stranger.audio.speech.create(model="kokoro", voice="af_bella", input="Hi.")
        assert refused.value.code == "invalid_api_key"
        with openai.OpenAI(base_url=f"{fleet.one.url}/v1", api_key=fleet.keys["acme"]) as client:
            assert client.audio.speech.create(model="kokoro", voice="af_bella", input="Hi.").content

    def test_a_new_key_is_good_at_once_and_a_revoked_one_over_within_two_seconds(self, fleet: TenantFleet) -> None:
        written = add_key(fleet.redis_url, "acme")
        key = ApiKey.read(written)
        assert key is not None
        for service in (fleet.one, fleet.other):
            assert service.speak_as(written, "Hi.").status_code == 200
        at_store(fleet.redis_url, lambda store: store.revoke("acme", key.id))
        began = time.monotonic()
        for service in (fleet.one, fleet.other):
            wait_until(lambda service=service: service.speak_as(written, "Hi.").status_code == 401, "revoked")  # type: ignore[misc]
        assert time.monotonic() - began < 2

    def test_pages_elsewhere_may_ask_first_without_one(self, fleet: TenantFleet) -> None:
        headers = {"origin": "https://example.com", "access-control-request-method": "POST"}
        headers |= {"access-control-request-headers": "authorization"}
        answer = httpx.options(f"{fleet.one.url}/v1/audio/speech", headers=headers)
        assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (200, "authorization")
        refused = httpx.post(f"{fleet.one.url}/v1/audio/speech", headers={"origin": "https://example.com"})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")

    def test_health_tells_strangers_less(self, fleet: TenantFleet) -> None:
        assert httpx.get(f"{fleet.one.url}/health").json() == {"status": "healthy"}
        assert len(httpx.get(f"{fleet.one.url}/health", headers=bearer(ADMIN_KEY)).json()["workers"]) == 1


class TestLogs:
    def test_every_line_of_a_request_says_whose_it_is_and_no_line_has_a_key(self, fleet: TenantFleet) -> None:
        wrong = ApiKey.new()
        with fleet.http("acme") as http:
            request_id = speak(http).headers["x-request-id"]
            speak(http, headers={"authorization": f"Bearer {wrong.written}"})
            speak(http, voice="nobody")
        with connected(fleet.one.url, additional_headers=bearer(fleet.keys["acme"])):
            pass
        with connected(fleet.one.url, subprotocols=["kokoro-fleet", f"api-key.{fleet.keys['globex']}"]):
            pass
        secrets = [key.rpartition("-")[2][-20:] for key in fleet.keys.values()] + [wrong.secret[-20:], ADMIN_KEY]
        wait_until(lambda: fleet.one.gateway.log.read_text().count('"websocket"') >= 2, "both are logged")
        log = fleet.one.gateway.log.read_text()
        assert [secret for secret in secrets if secret in log] == []
        [line] = [line for line in log.splitlines() if request_id in line and '"request"' in line]
        key_id = fleet.keys["acme"].split("-")[2]
        assert '"tenant": "acme"' in line
        assert f'"key": "{key_id}"' in line


class TestVoices:
    def test_a_saved_voice_is_its_tenants(self, fleet: TenantFleet) -> None:
        with fleet.http("acme") as acme, fleet.http("globex", other=True) as globex:
            save(acme, "af_bella+af_sky", "narrator")
            assert speak(acme, voice="narrator").status_code == 200
            check_error(speak(globex, voice="narrator"), 400, "voice", "voice_not_found")
            assert "narrator" in listed(acme)
            assert "narrator" not in listed(globex)
            check_error(globex.delete("/v1/audio/voices/narrator"), 404, "name", "voice_not_found")
            save(globex, "am_adam", "narrator")
            assert speak(acme, voice="narrator").content != speak(globex, voice="narrator").content
            assert acme.delete("/v1/audio/voices/narrator").status_code == 200
            assert speak(globex, voice="narrator").status_code == 200

    def test_each_way_to_name_a_voice_that_one_may_not_have_is_refused(self, fleet: TenantFleet) -> None:
        tagged = {"allow_voice_tags": True, "voice": "am_adam"}
        ways: list[tuple[str, dict[str, Any]]] = [
            ("speech", {"voice": "af_sky"}),
            ("speech", {"voice": {"id": "af_sky"}}),
            ("speech", {"voice": "shimmer"}),
            ("speech", {"voice": "am_adam+af_sky"}),
            ("speech", {"voice": "AM_adam(2)-AF_SKY"}),
            ("speech", {**tagged, "input": "[voice:af_sky]Hi."}),
            ("speech", {**tagged, "input": "[voice:me]Hi.", "voice_aliases": {"me": "af_sky"}}),
            ("speech", {"voice": "me", "voice_aliases": {"me": "af_sky"}}),
            ("speech", {"voice": "am_adam", "ssml": True, "input": '<speak><voice name="af_sky">Hi.</voice></speak>'}),
            ("captioned_speech", {"voice": "af_sky"}),
            ("subtitles", {"voice": "af_sky"}),
            ("dialogue", {"turns": [{"voice": "am_adam", "text": "Hi."}, {"voice": "af_sky", "text": "Hi."}]}),
            ("generate_from_phonemes", {"phonemes": "hˈI", "voice": "af_sky"}),
            ("voices/combine", {"voices": "am_adam+af_sky"}),
            ("voices/combine", {"voices": "af_sky", "name": "mine"}),
        ]
        with fleet.http("choosy") as http, fleet.http("acme") as acme:
            for path, fields in ways:
                body = {"input": TEXT, "response_format": "pcm", **fields}
                answer = http.post(f"/v1/audio/{path}", json=body)
                assert answer.status_code in {400, 403}, (path, body)  # 400 where a place in the text is at fault
                assert answer.json()["error"]["code"] == "voice_not_allowed", (path, body)
                assert acme.post(f"/v1/audio/{path}", json=body).status_code == 200, (path, body)
            assert speak(http, voice="am_adam").status_code == 200
            assert acme.delete("/v1/audio/voices/mine").status_code == 200

    def test_over_the_websocket_too(self, fleet: TenantFleet) -> None:
        with connected(fleet.one.url, additional_headers=bearer(fleet.keys["choosy"])) as client:
            client.say("start", "a", voice="af_sky")
            assert client.until("error", "a")["error"]["code"] == "voice_not_allowed"
            client.say("start", "b", voice="am_adam", allow_voice_tags=True)
            client.say("text", "b", text="[voice:af_sky]Hello there.")
            client.say("end", "b")
            assert client.until("error", "b")["error"]["code"] == "voice_not_allowed"

    def test_only_what_one_may_have_is_listed_and_is_the_default(self, fleet: TenantFleet) -> None:
        with fleet.http("choosy") as http:
            shown = http.get("/v1/audio/voices").json()
            assert [card["id"] for card in shown["voices"]] == ["am_adam", "bf_emma"]
            assert shown["default_voice"] == "am_adam"
            assert set(shown["aliases"].values()) == {"am_adam", "bf_emma"}
            assert speak(http).content == speak(http, voice="am_adam").content
            assert http.post("/v1/audio/phonemize", json={"text": "Hi."}).status_code == 200


class TestDownloads:
    def test_a_link_is_good_for_its_tenant_alone(self, fleet: TenantFleet) -> None:
        with fleet.http("acme") as acme, fleet.http("globex") as globex, fleet.http("") as nobody:
            answer = speak(acme, return_download_link=True, return_timing=True)
            for header in ("x-download-path", "x-timing-path"):
                link = answer.headers[header]
                assert acme.get(link).status_code == 200
                check_error(globex.get(link), 404, None, "download_not_found")
                check_error(nobody.get(link), 401, None, "invalid_api_key")
                name = link.rpartition("/")[2]
                for guess in (f"acme~{name}", f".acme~{name}.part", f"..%2fkept%2facme~{name}"):
                    assert globex.get(f"/v1/download/{guess}").status_code == 404


class TestWork:
    """Files and batches: whoever else asks for them hears that there are none."""

    def test_each_is_its_tenants(self, fleet: TenantFleet) -> None:
        line = {
            "custom_id": "1",
            "method": "POST",
            "url": "/v1/audio/speech",
            "body": {"model": "kokoro", "input": "Hi."},
        }
        with fleet.http("acme") as acme, fleet.http("globex", other=True) as globex:
            upload = {"file": ("lines.jsonl", json.dumps(line).encode())}
            file_id = acme.post("/v1/files", files=upload, data={"purpose": "batch"}).json()["id"]
            request = {"input_file_id": file_id, "endpoint": "/v1/audio/speech", "completion_window": "24h"}
            batch_id = acme.post("/v1/batches", json=request).json()["id"]
            doors = [
                ("GET", f"/v1/files/{file_id}"),
                ("GET", f"/v1/files/{file_id}/content"),
                ("DELETE", f"/v1/files/{file_id}"),
                ("GET", f"/v1/batches/{batch_id}"),
                ("POST", f"/v1/batches/{batch_id}/cancel"),
            ]
            for method, path in doors:
                assert globex.request(method, path).status_code == 404, (method, path)
            assert globex.post("/v1/batches", json=request).status_code == 404
            for path in ("/v1/files", "/v1/batches"):
                assert globex.get(path).json()["data"] == [], path
                assert len(acme.get(path).json()["data"]) == 1, path
            assert acme.get(f"/v1/files/{file_id}/content").json() == line
            assert acme.get(f"/v1/batches/{batch_id}").status_code == 200

    def test_jobs_too(self, fleet: TenantFleet) -> None:
        with fleet.http("acme") as acme, fleet.http("globex", other=True) as globex:
            job_id = acme.post("/v1/audio/jobs", json={"input": "A short book.", "voice": "af_bella"}).json()["id"]
            for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/files/any"), ("DELETE", "")):
                assert globex.request(method, f"/v1/audio/jobs/{job_id}{path}").status_code == 404, (method, path)
            assert globex.get("/v1/audio/jobs").json()["data"] == []
            assert acme.get(f"/v1/audio/jobs/{job_id}").status_code == 200


class TestCache:
    def test_nobody_hears_from_it_what_another_had_spoken(self, fleet: TenantFleet) -> None:
        def cached(http: httpx.Client) -> str:
            said: str = speak(http, input="What only one of them has said.").headers["x-cache"]
            return said

        with fleet.http("acme") as acme, fleet.http("globex") as globex:
            assert [cached(http) for http in (acme, acme, globex)] == ["miss", "hit", "miss"]


class TestIdempotency:
    def test_the_same_key_of_another_tenant_is_another_key(self, fleet: TenantFleet) -> None:
        headers = {"idempotency-key": "the-same"}
        with fleet.http("acme") as acme, fleet.http("globex", other=True) as globex:
            first = speak(acme, headers=headers)
            theirs = speak(globex, headers=headers, input="Other words.")
            assert (theirs.status_code, theirs.headers.get("idempotent-replayed")) == (200, None)
            again = speak(acme, headers=headers)
            assert (again.content == first.content, again.headers["idempotent-replayed"]) == (True, "true")

    def test_so_it_is_of_jobs(self, fleet: TenantFleet) -> None:
        headers = {"idempotency-key": "the-same"}
        with (
            fleet.http("acme") as acme,
            fleet.http("globex", other=True) as globex,
            fleet.http("acme", other=True) as other,
        ):
            first, theirs, again = (
                http.post("/v1/audio/jobs", json={"input": "Hello."}, headers=headers) for http in (acme, globex, other)
            )
            assert {answer.status_code for answer in (first, theirs, again)} == {202}
            assert (theirs.json()["id"] != first.json()["id"], theirs.headers.get("idempotent-replayed")) == (
                True,
                None,
            )
            assert (again.json()["id"], again.headers["idempotent-replayed"]) == (first.json()["id"], "true")
            for http in (acme, globex):
                for job in http.get("/v1/audio/jobs").json()["data"]:
                    http.delete(f"/v1/audio/jobs/{job['id']}")


class TestWebSocket:
    def test_a_browser_brings_its_key_as_a_subprotocol(self, fleet: TenantFleet) -> None:
        offered = ["kokoro-fleet", f"api-key.{fleet.keys['acme']}"]
        with connected(fleet.one.url, subprotocols=offered) as client:
            assert client.connection.subprotocol == "kokoro-fleet"
            client.say("start")
            client.say("text", text="Hello there.")
            client.say("end")
            client.until("done", "default")

    @pytest.mark.parametrize("protocols", [None, ["kokoro-fleet", f"api-key.{ApiKey.new().written}"]])
    def test_without_one_it_is_closed_with_4401(self, fleet: TenantFleet, protocols: Any) -> None:
        with connected(fleet.one.url, subprotocols=protocols) as client:
            assert (client.ready["type"], client.ready["error"]["code"]) == ("error", "invalid_api_key")
            assert client.close_code() == 4401

    def test_with_its_key_a_conversation_ends_before_it_begins_another_context(self, fleet: TenantFleet) -> None:
        written = add_key(fleet.redis_url, "acme")
        key = ApiKey.read(written)
        assert key is not None
        with connected(fleet.one.url, additional_headers=bearer(written)) as client:
            client.say("start", "a")
            client.until("started", "a")
            at_store(fleet.redis_url, lambda store: store.revoke("acme", key.id))
            wait_until(lambda: fleet.one.speak_as(written, "Hi.").status_code == 401, "revoked")
            client.say("start", "b")
            assert client.close_code() == 4401


class TestSettings:
    def test_one_key_for_a_server_of_ones_own(self, tmp_path: Any) -> None:
        environment = {"API_KEY": "mine, the-new-one", "PUBLIC_LISTINGS": "true", "ADMIN_API_KEY": "operators"}
        with running_valkey() as server, running_service(server.url, tmp_path, environment) as service:
            for key in ("mine", "the-new-one"):
                assert service.speak_as(key, "Hi.").status_code == 200
            for key in ("", "yours", "mine,the-new-one", "operators"):
                check_error(service.speak_as(key, "Hi."), 401, None, "invalid_api_key")
            assert httpx.get(f"{service.url}/v1/audio/voices").status_code == 200
            assert httpx.get(f"{service.url}/v1/models").status_code == 200
            assert httpx.get(f"{service.url}/v1/audio/voices", headers=bearer("yours")).status_code == 401

    def test_nothing_is_served_where_a_key_is_required_and_there_is_none(self, tmp_path: Any) -> None:
        with running_valkey() as server, contextlib.ExitStack() as stack:
            service = stack.enter_context(running_service(server.url, tmp_path, {"REQUIRE_API_KEY": "true"}))
            check_error(service.speak("Hi."), 401, None, "invalid_api_key")
            check_error(service.speak_as("not-needed", "Hi."), 401, None, "invalid_api_key")


def save(http: httpx.Client, mix: str, name: str) -> None:
    assert http.post("/v1/audio/voices/combine", json=mix, params={"name": name}).status_code == 200


def listed(http: httpx.Client) -> list[str]:
    voices: list[str] = http.get("/v1/audio/voices", params={"legacy": "true"}).json()["voices"]
    return voices
