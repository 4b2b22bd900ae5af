"""Behind the shipped nginx: first audio comes as soon as without it, limits and errors are ours, WebSockets pass."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.texts import text_of
from tests.conftest import wait_until
from tests.deploy.scale import GATEWAYS, Scale, running_scale
from tests.system.websocket_client import connected

pytestmark = pytest.mark.deploy

TEXT = text_of(600, seed=7)
ROUNDS = 7
HEALTHCHECK = Path(__file__).parents[2] / "deploy" / "docker" / "healthcheck.py"
DELAY_S = 0.15
"""What nginx may add to first audio on a busy machine; holding the answer back would add seconds."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scale]:
    with running_scale(tmp_path_factory.mktemp("scale"), {"FAKE_SPEED_FACTOR": "15"}) as running:
        yield running


def listened(url: str) -> tuple[float, float]:
    """Seconds to the first audio and to the last."""
    began, first = time.monotonic(), 0.0
    body = {"input": TEXT, "response_format": "pcm"}
    with httpx.stream("POST", f"{url}/v1/audio/speech", json=body, timeout=60) as answer:
        assert answer.status_code == httpx.codes.OK
        for _ in answer.iter_raw():
            first = first or time.monotonic() - began
    return first, time.monotonic() - began


def test_first_audio_is_not_delayed(fleet: Scale) -> None:
    rounds = [(listened(fleet.direct(GATEWAYS[0])), listened(fleet.url)) for _ in range(ROUNDS)]
    direct, proxied = zip(*rounds, strict=True)
    first_s = {"direct": statistics.median(first for first, _ in direct)}
    first_s["nginx"] = statistics.median(first for first, _ in proxied)
    whole_s = statistics.median(whole for _, whole in proxied)
    print(
        f"first audio: {first_s['direct']:.3f} s direct, {first_s['nginx']:.3f} s through nginx; all in {whole_s:.2f} s"
    )
    assert first_s["nginx"] < first_s["direct"] + DELAY_S
    assert first_s["nginx"] < whole_s / 3, "or this could not have shown a delay"


@pytest.mark.parametrize("num_bytes", [16_500_000, 17_500_000], ids=["the gateway's limit", "nginx's limit"])
def test_a_body_that_is_too_large_is_refused_as_openai_would(fleet: Scale, num_bytes: int) -> None:
    answer = fleet.speak("a" * num_bytes)
    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert answer.headers["content-type"].startswith("application/json")
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == "body_too_large"


def test_metrics_are_not_for_callers(fleet: Scale) -> None:
    answer = httpx.get(fleet.url + "/metrics", timeout=5)
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert answer.json()["error"]["code"] == "not_found"


def test_the_callers_address_is_passed_on(fleet: Scale) -> None:
    """Links are made for the host that the caller sees."""
    answer = fleet.speak("A link, please.", return_download_link=True, stream=False)
    assert answer.status_code == httpx.codes.OK
    assert httpx.get(fleet.url + answer.headers["x-download-path"], timeout=5).content == answer.content


def test_uploads_pass_unbuffered_and_larger_than_other_bodies(fleet: Scale) -> None:
    line = b'{"custom_id": "%d", "method": "POST", "url": "/v1/audio/speech", "body": {"input": "%s"}}\n'
    lines = b"".join(line % (number, b"a" * 100_000) for number in range(200))
    answer = httpx.post(
        fleet.url + "/v1/files", files={"file": ("lines.jsonl", lines)}, data={"purpose": "batch"}, timeout=60
    )
    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json()["bytes"] == len(lines)


@pytest.mark.parametrize("name", ["gateway-1", "worker", "batch"])
def test_the_images_health_check_finds_each_process_well(fleet: Scale, name: str) -> None:
    if name == "batch":
        fleet.start_batch()
    port = fleet.direct(name).rpartition(":")[2] if name in GATEWAYS else str(fleet.metrics_ports[name])
    command = [sys.executable, str(HEALTHCHECK), "PORT_TO_ASK"]
    wait_until(
        lambda: subprocess.run(command, env={"PORT_TO_ASK": port}, check=False, capture_output=True).returncode == 0,
        f"{name} is healthy",
        60,
    )


def test_websockets_pass(fleet: Scale) -> None:
    with connected(fleet.url) as client:
        client.say("speak", "nonsense")
        assert client.until("error")["error"]["code"]


def test_without_a_gateway_nginx_says_so_in_our_words(fleet: Scale) -> None:
    """Last of this file: it takes the gateways away."""
    for gateway in fleet.gateways.values():
        assert gateway.terminate(90) == 0
    answer = fleet.speak("Anybody there?")
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.json()["error"]["code"] == "no_gateway"
    assert int(answer.headers["retry-after"]) > 0
