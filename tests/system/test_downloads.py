"""Download links: what was spoken, whole, at any gateway."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import av
import httpx
import numpy as np
import pytest

from tests.conftest import Process, Service, _free_port, running_service, running_valkey, wait_until
from tests.system.test_bad_input import check_error
from tests.system.test_faults import SENTENCES, open_stream

TEXT = "The quick brown fox jumps over the lazy dog. [pause:0.5s] It was not amused, and said so."
PATH = re.compile(r"/v1/download/[A-Za-z0-9_-]{22}\.[a-z0-9]+")


class Pair:
    """Two gateways, one folder."""

    def __init__(self, service: Service, second_url: str, folder: Path) -> None:
        self.service = service
        self.second_url = second_url
        self.folder = folder

    def fetch(self, path: str, **headers: str) -> httpx.Response:
        """From the gateway that did not speak it."""
        return httpx.get(self.second_url + path, headers={name.replace("_", "-"): it for name, it in headers.items()})

    @property
    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} if self.folder.exists() else set()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    environment = {"TEMP_FILE_DIR": str(folder / "kept")}
    with running_valkey() as server, running_service(server.url, folder, environment) as running:
        port = str(_free_port())
        second = {"REDIS_URL": server.url, "HOST": "127.0.0.1", "PORT": port, **environment}
        gateway = Process("gateway", second, folder / "second.log")
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: "ready" in (folder / "second.log").read_text(), "second gateway", 60)
            yield Pair(running, url, folder / "kept")
        finally:
            gateway.kill()


def samples_of(audio: bytes) -> bytes:
    with av.open(io.BytesIO(audio), "r") as container:
        frames = container.decode(container.streams.audio[0])
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype("<i2").tobytes()


@pytest.mark.parametrize("stream", [True, False])
def test_the_link_leads_to_what_was_spoken(pair: Pair, stream: bool) -> None:
    answer = pair.service.speak(TEXT, stream=stream, return_download_link=True)
    path = answer.headers["x-download-path"]
    assert PATH.fullmatch(path)
    kept = pair.fetch(path)
    assert (kept.status_code, kept.content) == (200, answer.content)
    assert kept.headers["content-type"] == "audio/pcm"
    assert kept.headers["content-disposition"] == 'attachment; filename="speech.pcm"'
    assert pair.fetch("/v1" + path).content == answer.content  # as clients of Kokoro-FastAPI ask for it
    head = httpx.head(pair.second_url + path)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(answer.content)), b"")


def test_it_may_have_another_format(pair: Pair) -> None:
    answer = pair.service.speak(TEXT, return_download_link=True, download_format="flac")
    kept = pair.fetch(answer.headers["x-download-path"])
    assert kept.headers["content-type"] == "audio/flac"
    assert samples_of(kept.content) == answer.content


def test_a_part_may_be_asked_for(pair: Pair) -> None:
    answer = pair.service.speak(TEXT, return_download_link=True)
    path = answer.headers["x-download-path"]
    part = pair.fetch(path, range="bytes=100-199")
    assert (part.status_code, part.content) == (206, answer.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(answer.content)}"
    assert pair.fetch(path, range="bytes=-5").content == answer.content[-5:]
    for ignored in ("lines=1-2", "bytes=abc", "bytes", "bytes=5-4", "bytes=0-1,9-10", f"bytes={'9' * 5000}-"):
        whole = pair.fetch(path, range=ignored)
        assert (whole.status_code, whole.content) == (200, answer.content)
    etag = httpx.head(pair.service.url + path).headers["etag"]
    assert pair.fetch(path, range="bytes=0-9", if_range=etag).status_code == 206  # both gateways call it the same
    assert pair.fetch(path, range="bytes=0-9", if_range='"other"').status_code == 200
    assert pair.fetch(path, range="bytes=9999999-", if_range='"other"').status_code == 200


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_a_part_beyond_the_end_is_refused(pair: Pair, prefix: str) -> None:
    answer = pair.service.speak(TEXT, return_download_link=True)
    for said in (f"bytes={len(answer.content)}-", "bytes=-0"):
        refused = pair.fetch(prefix + answer.headers["x-download-path"], range=said)
        check_error(refused, 416, "Range", "range_not_satisfiable")
        assert refused.headers["content-range"] == f"bytes */{len(answer.content)}"


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("my talk", "attachment; filename*=utf-8''my%20talk.mp3"),
        ("talk.mp3", 'attachment; filename="talk.mp3"'),
        ("talk.exe", 'attachment; filename="talk.exe.mp3"'),
        ("Größe 語", "attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe%20%E8%AA%9E.mp3"),
        ("../../etc/passwd", 'attachment; filename="_.._etc_passwd.mp3"'),
        ('a"; filename="b', "attachment; filename*=utf-8''a_%3B%20filename%3D_b.mp3"),
        ("a\r\nSet-Cookie: x", "attachment; filename*=utf-8''a__Set-Cookie_%20x.mp3"),
        ("...", 'attachment; filename="speech.mp3"'),
        ("x" * 500, f'attachment; filename="{"x" * 100}.mp3"'),
    ],
)
def test_it_may_be_saved_under_any_name(pair: Pair, name: str, disposition: str) -> None:
    path = pair.service.speak("Hi.", response_format="mp3", return_download_link=True).headers["x-download-path"]
    kept = httpx.get(pair.second_url + path, params={"name": name})
    assert kept.headers["content-disposition"] == disposition


@pytest.mark.parametrize("name", ["nothing.mp3", "A" * 22 + ".mp3", "..%2f..%2fetc%2fpasswd", "%00", "x" * 5000])
def test_what_is_not_there_is_404(pair: Pair, name: str) -> None:
    answer = httpx.get(f"{pair.second_url}/v1/download/{name}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] in {"download_not_found", "not_found"}


def test_while_it_is_made_the_answer_says_so(pair: Pair) -> None:
    with open_stream(pair.service, SENTENCES * 20, return_download_link=True, return_timing=True) as answer:
        path = answer.headers["x-download-path"]
        early = pair.fetch(path)
        check_error(early, 404, None, "download_not_ready")
        assert int(early.headers["retry-after"]) >= 1
        check_error(pair.fetch(answer.headers["x-timing-path"]), 404, None, "download_not_ready")
        name = path.rpartition("/")[2]
        assert f".{name}.part" in pair.names
    wait_until(lambda: f".{name}.part" not in pair.names, "what nobody waits for is deleted")
    check_error(pair.fetch(path), 404, None, "download_not_found")


def test_the_timing_is_that_of_the_captions(pair: Pair) -> None:
    answer = pair.service.speak(TEXT, return_download_link=True, return_timing=True)
    timing = json.loads(pair.fetch(answer.headers["x-timing-path"]).content)
    seconds = len(answer.content) / 2 / 24_000
    assert timing["duration"] == pytest.approx(seconds, abs=1e-3)
    chunks = timing["chunks"]
    assert [chunk["start"] for chunk in chunks] == [0.0, *(chunk["end"] for chunk in chunks[:-1])]
    assert chunks[-1]["end"] == timing["duration"]
    assert "".join(chunk["text"] for chunk in chunks).startswith("The quick brown fox")
    assert [chunk["end"] - chunk["start"] for chunk in chunks if not chunk["text"]] == [pytest.approx(0.5)]
    body = {"input": TEXT, "response_format": "pcm"}
    lines = httpx.post(f"{pair.service.url}/v1/audio/captioned_speech", json=body).text.splitlines()
    assert timing["words"] == [word for line in lines for word in json.loads(line)["timestamps"]]


def test_timing_alone_may_be_asked_for(pair: Pair) -> None:
    answer = pair.service.speak(TEXT, return_timing=True)
    assert "x-download-path" not in answer.headers
    assert pair.fetch(answer.headers["x-timing-path"]).headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("dialogue", {"turns": [{"voice": "af_sky", "text": "Hi."}]}),
        ("captioned_speech", {"input": "Hi."}),
        ("subtitles", {"input": "Hi."}),
        ("generate_from_phonemes", {"phonemes": "hˈI"}),
        ("speech", {"input": "Hi.", "stream_format": "sse"}),
    ],
)
def test_every_way_to_speak_has_links(pair: Pair, path: str, fields: dict[str, object]) -> None:
    body = {"response_format": "mp3", "return_download_link": True, "return_timing": True, **fields}
    answer = httpx.post(f"{pair.service.url}/v1/audio/{path}", json=body)
    assert len(samples_of(pair.fetch(answer.headers["x-download-path"]).content)) > 1000
    assert pair.fetch(answer.headers["x-timing-path"]).json()["words"]


def test_what_fails_gives_no_link(pair: Pair) -> None:
    before = pair.names
    answer = pair.service.speak("😀", return_download_link=True)
    assert answer.status_code == 400
    assert "x-download-path" not in answer.headers
    assert pair.names == before


def test_a_request_that_may_be_repeated_has_no_link_of_its_own(pair: Pair) -> None:
    body = {"input": "Hi.", "return_download_link": True}
    answer = httpx.post(f"{pair.service.url}/v1/audio/speech", json=body, headers={"idempotency-key": "k"})
    check_error(answer, 400, "return_download_link", "invalid_value")


def test_a_gateway_killed_in_the_middle_leaves_nothing_to_fetch(pair: Pair) -> None:
    """Last in this file: it kills the first gateway."""
    with open_stream(pair.service, SENTENCES * 20, return_download_link=True) as answer:
        path = answer.headers["x-download-path"]
        pair.service.gateway.kill()
        with pytest.raises(httpx.TransportError):
            list(answer.iter_bytes())
    assert pair.fetch(path).status_code == 404
    assert path.rpartition("/")[2] not in pair.names
