"""What holds for every answer: its headers, its errors' shape; and where the service may be reached."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from gateway.api.errors import error_response
from shared.errors import SynthesisFailed, SynthesisTimeout
from tests.conftest import Process, Service, _free_port, running_service, running_valkey, wait_until
from tests.system.test_bad_input import check_error

PAGE = "https://page.example"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway alone, behind a proxy's sub-path, open to one page only."""
    environment = {"UVICORN_ROOT_PATH": "/tts/", "CORS_ORIGINS": f'["{PAGE}"]'}
    with (
        running_valkey() as server,
        running_service(server.url, tmp_path_factory.mktemp("elsewhere"), environment, workers=0) as running,
    ):
        yield running


def test_the_callers_id_comes_back_beside_ours(service: Service) -> None:
    for header in ("x-request-id", "x-client-request-id"):
        answer = httpx.get(f"{service.url}/v1/models", headers={header: "call-7"})
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.headers["x-client-request-id"] == "call-7"
    assert "x-client-request-id" not in httpx.get(f"{service.url}/v1/models").headers
    endless = httpx.get(f"{service.url}/v1/models", headers={"x-request-id": "x" * 1000})
    assert "x-client-request-id" not in endless.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("DELETE", "/v1/audio/speech", 405, "method_not_allowed"),
        ("GET", "/v1/audio/voices?legacy=maybe", 400, "invalid_value"),
        ("GET", "/v1/models/whisper-1", 404, "model_not_found"),
    ],
)
def test_errors_have_one_shape(service: Service, method: str, path: str, status: int, code: str) -> None:
    answer = httpx.request(method, service.url + path)
    param = {"invalid_value": "legacy", "model_not_found": "model"}.get(code)
    check_error(answer, status, param, code)
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/livez", "GET"),
        ("/v1/audio/speech", "POST"),
        ("/v1/audio/jobs", "GET, POST"),
        ("/v1/files/none", "DELETE, GET"),
        ("/v1/audio/voices/combine", "POST"),
        ("/v1/audio/voices/narrator", "DELETE"),
        ("/v1/files/none/content", "GET, HEAD"),
        ("/web/", "GET, HEAD"),
    ],
)
def test_what_may_be_done_with_a_path_is_told(service: Service, path: str, methods: str) -> None:
    answer = httpx.put(service.url + path)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)


def test_the_sdk_knows_what_went_wrong(service: Service) -> None:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="not-needed") as client:
        with pytest.raises(openai.BadRequestError) as caught:
            client.audio.speech.create(model="kokoro", voice="nobody", input="Hi.")
        assert (caught.value.code, caught.value.param, caught.value.type) == (
            "voice_not_found",
            "voice",
            "invalid_request_error",
        )
        assert caught.value.request_id is not None


def test_a_page_of_any_host_may_call_and_read_our_headers(service: Service) -> None:
    asking = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    allowed = httpx.options(f"{service.url}/v1/audio/speech", headers=asking)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-headers"] == "content-type"
    answer = httpx.post(f"{service.url}/v1/audio/speech", headers={"origin": PAGE}, json={"input": ""})
    assert answer.headers["access-control-allow-origin"] == "*"
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"x-request-id", "x-download-path", "retry-after"} <= set(exposed)


def test_only_pages_that_are_named_may_call(elsewhere: Service) -> None:
    allowed, refused = (
        httpx.get(f"{elsewhere.url}/livez", headers={"origin": origin}) for origin in (PAGE, "https://other.example")
    )
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("prefix", ["", "/tts"])
def test_a_proxy_may_serve_it_under_a_path(elsewhere: Service, prefix: str) -> None:
    """Whether the proxy takes the path off or not."""
    assert httpx.get(f"{elsewhere.url}{prefix}/v1/models").status_code == 200
    docs = httpx.get(f"{elsewhere.url}{prefix}/docs").text
    assert "/tts/openapi.json" in docs
    assert set(re.findall(r'(?:src|href)="(\w+:)?//', docs)) == set()  # nothing from other hosts
    script = re.search(r'src="/tts(/[^"]+)"', docs)
    assert script is not None
    assert httpx.get(elsewhere.url + prefix + script[1]).status_code == 200
    assert httpx.get(f"{elsewhere.url}{prefix}/openapi.json").json()["servers"] == [{"url": "/tts"}]


def test_all_addresses_are_ipv4_and_ipv6(tmp_path: Path) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    port = str(_free_port())
    with running_valkey() as server:
        gateway = Process("gateway", {"REDIS_URL": server.url, "HOST": "::", "PORT": port}, tmp_path / "gateway.log")
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/livez"), "IPv4 answers", 60)
            assert answers(f"http://[::1]:{port}/livez")
        finally:
            gateway.kill()


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_the_sdk_is_told_not_to_retry_what_cannot_succeed() -> None:
    hopeless = error_response(SynthesisFailed("It killed every worker.", code="job_undeliverable"))
    assert (hopeless.status_code, hopeless.headers["x-should-retry"]) == (500, "false")
    assert "x-should-retry" not in error_response(SynthesisTimeout("Too late.")).headers


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_offer_of_http_2_is_passed_over(service: Service, method: str) -> None:
    """Java's HttpClient makes it with a body, and must be answered in HTTP/1.1; the connection then serves on."""
    offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAEAAEAAAAIAAAAA"}
    with httpx.Client(base_url=service.url, timeout=30) as client:
        if method == "GET":
            assert client.get("/v1/models", headers=offer).status_code == 200
        else:
            body = {"input": "Offered.", "response_format": "pcm"}
            answer = client.post("/v1/audio/speech", headers=offer, json=body)
            assert (answer.status_code, answer.content) == (200, service.speak("Offered.").content)
        assert client.get("/v1/models").status_code == 200
