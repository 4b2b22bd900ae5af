"""GET /metrics of a real gateway and a real worker, after real requests."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess

import httpx
import pytest
from websockets.sync.client import connect as connect_websocket

from tests.conftest import wait_until
from tests.observability.conftest import SECRET, Watched, families, sample

TEXT = f"A {SECRET} sentence to be counted. "
LONG = "".join(f"The {SECRET} sentence that is number {number} of them all is counted. " for number in range(40))
SPEECH = {"route": "/v1/audio/speech", "method": "POST"}


def test_a_stream_is_counted_from_its_text_to_its_last_byte(watched: Watched) -> None:
    before = watched.scrape()
    assert watched.speak(LONG, seed=1).is_success
    after = watched.scrape()

    def grew(name: str, **labels: str) -> float:
        return sample(after, name, labels) - sample(before, name, labels)

    assert grew("kokoro_requests_total", **SPEECH, status="200") == 1
    assert grew("kokoro_request_seconds_count", route="/v1/audio/speech") == 1
    assert grew("kokoro_first_audio_seconds_count") == 1
    assert grew("kokoro_realtime_factor_count") == 1
    assert grew("kokoro_characters_total") == len(LONG)
    assert grew("kokoro_tenant_characters_total", tenant="") == len(LONG)
    num_chunks = grew("kokoro_text_seconds_count")
    assert num_chunks > 1
    assert grew("kokoro_queue_seconds_count", lane="urgent") == 1
    assert grew("kokoro_queue_seconds_count", lane="standard") == num_chunks - 1
    for name in ("batch_wait_seconds", "inference_seconds", "batch_size"):
        assert grew(f"kokoro_{name}_count") == num_chunks
    audio_s = grew("kokoro_audio_seconds_total")
    assert audio_s > num_chunks
    assert grew("kokoro_encode_seconds_count") >= audio_s - num_chunks
    assert grew("kokoro_open_streams") == 0
    assert grew("kokoro_cache_chunks_total", result="miss") == num_chunks


def test_a_file_is_no_stream_and_has_no_first_audio(watched: Watched) -> None:
    before = watched.scrape()
    assert watched.speak(TEXT, stream=False, response_format="mp3", seed=2).is_success
    after = watched.scrape()
    for name, times in (("kokoro_first_audio_seconds_count", 0), ("kokoro_realtime_factor_count", 1)):
        assert sample(after, name, {}) - sample(before, name, {}) == times


def test_errors_are_counted_by_code_and_paths_by_template(watched: Watched) -> None:
    assert watched.speak(TEXT, voice="nobody").status_code == 400
    assert httpx.get(f"{watched.url}/v1/download/no-such-file.mp3").status_code == 404
    assert httpx.get(f"{watched.url}/{SECRET}").status_code in {401, 404}
    scraped = watched.scrape()
    assert sample(scraped, "kokoro_rejections_total", {"reason": "voice_not_found"}) >= 1
    labels = {"route": "/v1/download/{file_name}", "method": "GET", "status": "404"}
    assert sample(scraped, "kokoro_requests_total", labels) >= 1
    assert sample(scraped, "kokoro_requests_total", {"route": "other", "method": "GET"}) >= 1
    assert SECRET not in httpx.get(f"{watched.url}/metrics").text


def test_a_client_that_leaves_is_a_cancellation(watched: Watched) -> None:
    stages = {"audio": watched.value("kokoro_cancellations_total", stage="audio")}
    body = {"input": LONG * 20, "response_format": "pcm", "seed": 3}
    with (
        contextlib.suppress(httpx.HTTPError),
        httpx.stream("POST", f"{watched.url}/v1/audio/speech", json=body, timeout=30) as answer,
    ):
        assert answer.status_code == 200
        packets = answer.iter_bytes()  # httpx closes the answer with its iterator
        assert next(packets)
        assert watched.value("kokoro_open_streams") >= 1
    wait_until(
        lambda: watched.value("kokoro_cancellations_total", stage="audio") == stages["audio"] + 1, "it was counted"
    )
    wait_until(lambda: watched.value("kokoro_open_streams") == 0, "nothing is open")


def test_the_fleet_is_shown_by_its_gateway(watched: Watched) -> None:
    scraped = watched.scrape()

    def shown(name: str, **labels: str) -> float:
        return sample(scraped, name, labels)

    assert shown("kokoro_redis_up") == 1
    assert shown("kokoro_workers", engine="fake") == 1
    assert shown("kokoro_fleet_capacity_audio_seconds_per_second") > 1
    assert "kokoro_predicted_wait_seconds" in scraped
    assert {each.labels["lane"] for each in scraped["kokoro_queue_audio_seconds"].samples} == {
        "urgent",
        "standard",
        "batch",
    }
    assert shown("kokoro_redis_memory_bytes") > 0
    assert shown("kokoro_build_info", component="gateway") == 1


def test_a_worker_shows_its_batches_and_answers_probes(watched: Watched) -> None:
    assert watched.speak(TEXT, seed=4).is_success
    scraped = families(watched.worker_url)
    assert sample(scraped, "kokoro_worker_jobs_total", {"outcome": "done"}) >= 1
    assert sample(scraped, "kokoro_worker_batch_size_count", {}) >= 1
    assert sample(scraped, "kokoro_worker_audio_seconds_total", {}) > 0
    assert sample(scraped, "kokoro_worker_capacity_audio_seconds_per_second", {}) > 0
    assert [httpx.get(f"{watched.worker_url}/{path}").status_code for path in ("livez", "readyz")] == [200, 200]


def test_a_scrape_is_no_request_of_its_own_in_the_log(watched: Watched) -> None:
    watched.scrape()
    assert [line for line in watched.logs() if line.get("path") == "/metrics"] == []


@pytest.mark.parametrize("process", ["gateway", "worker"])
def test_promtool_finds_nothing_to_say(watched: Watched, process: str) -> None:
    promtool = os.environ.get("PROMTOOL")
    if not promtool:
        pytest.skip("PROMTOOL does not name one (Debian: in the package prometheus)")
    page = httpx.get(f"{watched.url if process == 'gateway' else watched.worker_url}/metrics")
    result = subprocess.run([promtool, "check", "metrics"], input=page.content, capture_output=True, check=False)
    assert (result.returncode, result.stderr.decode()) == (0, "")


def test_a_websocket_is_counted_while_it_is_open_and_what_it_is_refused(watched: Watched) -> None:
    with connect_websocket(watched.url.replace("http", "ws", 1) + "/v1/audio/speech/stream") as socket:
        assert json.loads(socket.recv())["type"] == "ready"
        assert watched.value("kokoro_open_websockets") == 1
        refused = watched.value("kokoro_rejections_total", reason="voice_not_found")
        socket.send(json.dumps({"type": "start", "voice": "nobody"}))
        assert json.loads(socket.recv())["type"] == "error"
        assert watched.value("kokoro_rejections_total", reason="voice_not_found") == refused + 1
    labels = {"route": "/v1/audio/speech/stream", "method": "WEBSOCKET"}
    wait_until(lambda: watched.value("kokoro_requests_total", **labels) >= 1, "it is over")
    assert watched.value("kokoro_open_websockets") == 0


def test_a_batch_runner_counts_what_it_speaks_and_gateways_show_what_is_open(watched: Watched) -> None:
    wait_until(lambda: _status(f"{watched.runner_url}/readyz") == 200, "the runner is there", 60)
    job = httpx.post(f"{watched.url}/v1/audio/jobs", json={"input": TEXT})
    assert job.status_code < 300, job.text
    wait_until(
        lambda: httpx.get(f"{watched.url}/v1/audio/jobs/{job.json()['id']}").json()["status"] == "completed", "done", 60
    )
    scraped = families(watched.runner_url)
    assert sample(scraped, "kokoro_characters_total", {}) >= len(TEXT)
    assert sample(scraped, "kokoro_queue_seconds_count", {"lane": "batch"}) >= 1
    assert sample(scraped, "kokoro_build_info", {"component": "batch"}) == 1
    assert "kokoro_redis_up" not in scraped, "the fleet is the gateways' to show"
    wait_until(lambda: watched.value("kokoro_open_batches") == 0, "nothing is open")


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.TransportError:
        return 0
