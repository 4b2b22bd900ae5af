"""What people have spoken stays out of the logs, also where it goes wrong."""

from __future__ import annotations

import contextlib
from pathlib import Path

import httpx

from tests.conftest import Service, running_service, running_valkey, wait_until
from tests.system.test_faults import PACED, SENTENCES

MARKER = "Zanzibar"
"""A word whose letters no log line has by chance."""

BODIES: list[tuple[str, dict[str, object]]] = [
    ("speech", {"input": f"{MARKER} is far."}),
    ("speech", {"input": f"{MARKER} is far.", "return_download_link": True, "return_timing": True}),
    ("speech", {"input": f"{MARKER} [pause:99s]"}),
    ("speech", {"input": f"<speak>{MARKER}", "ssml": True}),
    ("speech", {"input": f"[{MARKER}](/{MARKER}☃/)"}),
    ("speech", {"input": f"[voice:{MARKER}]Hi.", "allow_voice_tags": True}),
    ("speech", {"input": "Hi.", "voice": MARKER}),
    ("speech", {"input": "Hi.", "lexicon": {MARKER: "☃"}}),
    ("speech", {"input": [MARKER]}),
    ("speech", {"input": f"{MARKER} \u0e04\u0e33 is not sayable here"}),
    ("captioned_speech", {"input": f"{MARKER} is far."}),
    ("subtitles", {"input": f"{MARKER} is far."}),
    ("dialogue", {"turns": [{"voice": "af_sky", "text": f"{MARKER} is far."}, {"voice": MARKER, "text": MARKER}]}),
    ("phonemize", {"text": f"{MARKER} is far."}),
    ("generate_from_phonemes", {"phonemes": f"{MARKER}☃"}),
]


def speak_all(service: Service) -> None:
    for path, body in BODIES:
        for stream in (True, False):
            httpx.post(f"{service.url}/v1/audio/{path}", json={**body, "stream": stream}, timeout=60)
    httpx.post(f"{service.url}/v1/audio/speech", content=f'{{"input": "{MARKER}'.encode())
    httpx.get(f"{service.url}/v1/models/whisper-1", params={"q": MARKER})


def leave_in_the_middle(service: Service) -> None:
    body = {"input": f"{MARKER}. {SENTENCES}" * 5, "response_format": "pcm"}
    with httpx.stream("POST", f"{service.url}/v1/audio/speech", json=body, timeout=60) as answer:
        next(answer.iter_bytes())


def lose_the_worker(service: Service) -> None:
    body = {"input": f"{MARKER}. {SENTENCES}" * 5, "response_format": "pcm"}
    with (
        contextlib.suppress(httpx.RemoteProtocolError),
        httpx.stream("POST", f"{service.url}/v1/audio/speech", json=body, timeout=60) as answer,
    ):
        packets = answer.iter_bytes()
        next(packets)
        service.workers[0].kill()
        list(packets)


def test_no_text_gets_into_the_logs(tmp_path: Path) -> None:
    environment = {**PACED, "WORKER_GRACE_S": "1", "LOG_LEVEL": "DEBUG", "TEMP_FILE_DIR": str(tmp_path / "kept")}
    with running_valkey() as server, running_service(server.url, tmp_path, environment) as running:
        speak_all(running)
        leave_in_the_middle(running)
        lose_the_worker(running)
        gateway_log = tmp_path / "gateway.log"
        wait_until(lambda: "stream_aborted" in gateway_log.read_text(), "the failure is logged")
        logs = {path.name: path.read_text() for path in tmp_path.glob("*.log")}
    assert "client_left" in logs["gateway.log"]
    assert set(logs) == {"gateway.log", "worker-0.log"}
    found = [line for log in logs.values() for line in log.splitlines() if MARKER.lower() in line.lower()]
    assert found == []
    assert "zˈæn" not in "".join(logs.values())  # nor its phonemes
