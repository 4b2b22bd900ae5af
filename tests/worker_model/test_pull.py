"""Getting the model's files: whole and right, or not at all, and with a reason."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.worker_model.fake_hub import FakeHub, breaking_off, sending
from tests.worker_model.torch_zip import TorchFile
from worker.model import pins
from worker.model.fetch import OriginUnavailable, download, require_reachable
from worker.model.files import locked, written_whole
from worker.model.hub import VOICE_BYTES, Hub
from worker.model.pins import Pinned
from worker.model.progress import Progress, Silent
from worker.model.registries import pip_download
from worker.model.sources import ModelStore, ModelUnavailable

WEIGHTS = b"weights" * 100_000
VOICE = np.random.default_rng(0).standard_normal((510, 256)).astype(np.float32)
QUICK_S = 0.3


@pytest.fixture
def voice_pt(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = TorchFile()
    return file.write(tmp_path_factory.mktemp("pt") / "v.pt", file.tensor(VOICE.reshape(510, 1, 256))).read_bytes()


@pytest.fixture(autouse=True)
def small_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two voices and weights of 700 kB, instead of 54 and 327 MB."""
    pinned = Pinned("kokoro-v1_0.pth", hashlib.sha256(WEIGHTS).hexdigest())
    monkeypatch.setattr(pins, "HUB_WEIGHTS", pinned)
    monkeypatch.setattr(pins, "WEIGHTS", (pinned, pins.INT8_GRAPH))
    voice = hashlib.sha256(VOICE.tobytes()).hexdigest()
    monkeypatch.setattr(pins, "VOICES", {"af_heart": voice, "am_adam": voice})


@pytest.fixture
def hub(voice_pt: bytes) -> Iterator[FakeHub]:
    hub = FakeHub({".pth": sending(WEIGHTS), ".pt": sending(voice_pt)})
    with hub.running():
        yield hub


def store_in(folder: Path, *urls: str) -> ModelStore:
    return ModelStore(folder / "m", folder / "v", [Hub(url, silence_timeout_s=QUICK_S) for url in urls])


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


class Watcher:
    """Keeps every step; may raise at one, as Ctrl-C does."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        self.steps: list[tuple[str, int, int | None]] = []
        self.waits = threading.Event()
        self._interrupt_at = interrupt_at

    def step(self, name: str, done: int, total: int | None) -> None:
        self.steps.append((name, done, total))
        if name == "waiting for another pull":
            self.waits.set()
        if self._interrupt_at is not None and done >= self._interrupt_at:
            raise KeyboardInterrupt


def test_everything_comes_from_the_hub_once(tmp_path: Path, hub: FakeHub) -> None:
    store, watcher = store_in(tmp_path, hub.url), Watcher()
    store.pull(download=True, progress=watcher)
    assert files_in(tmp_path) == ["af_heart.pt", "am_adam.pt", "kokoro-v1_0.pth"]
    assert store.weights_path.read_bytes() == WEIGHTS
    assert store.voice_names() == ["af_heart", "am_adam"]
    assert ("kokoro-v1_0.pth", len(WEIGHTS), len(WEIGHTS)) in watcher.steps
    assert ("voices", 2 * VOICE_BYTES, 2 * VOICE_BYTES) in watcher.steps
    assert all(check.ok for check in store.verify())

    asked = len(hub.asked)
    store.pull(download=True, progress=Silent())
    store.pull(download=False, progress=Silent())
    assert len(hub.asked) == asked


def test_files_that_are_there_are_kept(tmp_path: Path, hub: FakeHub) -> None:
    store = store_in(tmp_path, hub.url)
    (tmp_path / "v").mkdir()
    (tmp_path / "v/af_heart.bin").write_bytes(VOICE.tobytes())
    store.pull(download=True, progress=Silent())
    assert files_in(tmp_path / "v") == ["af_heart.bin", "am_adam.pt"]


def test_wrong_content_is_refused(tmp_path: Path, hub: FakeHub) -> None:
    hub.answers[".pth"] = sending(WEIGHTS[:-1] + b"!")
    with pytest.raises(ModelUnavailable, match=r"kokoro-v1_0\.pth.*is not the file expected: its SHA-256 is"):
        store_in(tmp_path, hub.url).pull(download=True, progress=Silent())
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("trouble", ["404", "breaks off", "stalls"])
def test_a_failed_download_leaves_nothing(tmp_path: Path, hub: FakeHub, trouble: str) -> None:
    answers = {"404": None, "breaks off": breaking_off(WEIGHTS), "stalls": hub.stalling(WEIGHTS)}
    reasons = {"404": "answered 404", "breaks off": "broke off", "stalls": "sent nothing for 0.3 s"}
    answer = answers[trouble]
    if answer is None:
        del hub.answers[".pth"]
    else:
        hub.answers[".pth"] = answer
    with pytest.raises(ModelUnavailable, match=reasons[trouble]):
        store_in(tmp_path, hub.url).pull(download=True, progress=Silent())
    assert files_in(tmp_path) == []


def test_an_interrupted_pull_leaves_nothing_and_the_next_completes_it(tmp_path: Path, hub: FakeHub) -> None:
    store = store_in(tmp_path, hub.url)
    with pytest.raises(KeyboardInterrupt):
        store.pull(download=True, progress=Watcher(interrupt_at=1))
    assert files_in(tmp_path) == []
    store.pull(download=True, progress=Silent())
    assert store.weights_path.read_bytes() == WEIGHTS


def test_what_a_killed_pull_left_is_cleared_away(tmp_path: Path, hub: FakeHub) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/.kokoro-v1_0.pth.abc.part").write_bytes(b"half")
    store_in(tmp_path, hub.url).pull(download=True, progress=Silent())
    assert not list((tmp_path / "m").glob(".*.part"))


def test_a_voice_that_is_none_is_refused(tmp_path: Path, hub: FakeHub) -> None:
    hub.answers[".pt"] = sending(b"<html>please log in</html>")
    with pytest.raises(ModelUnavailable, match="voice af_heart is damaged"):
        store_in(tmp_path, hub.url).pull(download=True, progress=Silent())
    assert files_in(tmp_path) == ["kokoro-v1_0.pth"]


def test_the_next_origin_is_tried_and_every_failure_named(tmp_path: Path, hub: FakeHub) -> None:
    with FakeHub({}).running() as empty:
        store_in(tmp_path / "a", empty.url, hub.url).pull(download=True, progress=Silent())
        assert files_in(tmp_path / "a") == ["af_heart.pt", "am_adam.pt", "kokoro-v1_0.pth"]
        with pytest.raises(ModelUnavailable) as failure:
            store_in(tmp_path / "b", empty.url, "http://127.0.0.1:1").pull(download=True, progress=Silent())
    message = str(failure.value)
    assert "holds neither kokoro-v1_0.pth nor kokoro-v1.0.int8.onnx" in message
    assert "404" in message
    assert "127.0.0.1 cannot be reached" in message


def test_without_downloads_the_network_is_not_touched(tmp_path: Path, hub: FakeHub) -> None:
    with pytest.raises(ModelUnavailable, match="DOWNLOAD_MODEL=false") as failure:
        store_in(tmp_path, hub.url).pull(download=False, progress=Silent())
    assert str(tmp_path / "m") in str(failure.value)
    assert "af_heart, am_adam" in str(failure.value)
    assert hub.asked == []
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("damaged", ["m/kokoro-v1_0.pth", "v/af_heart.bin", "v/af_heart.pt"])
def test_a_damaged_file_is_named_and_never_replaced(tmp_path: Path, hub: FakeHub, damaged: str) -> None:
    path = tmp_path / damaged
    path.parent.mkdir()
    path.write_bytes(b"x" * 522_240)
    store = store_in(tmp_path, hub.url)
    with pytest.raises(ModelUnavailable, match=f"{path.name} is .*; move it away"):
        store.pull(download=True, progress=Silent())
    assert [check.name for check in store.verify() if not check.ok and check.detail != "missing"] == [path.name]
    assert path.read_bytes() == b"x" * 522_240


def test_verify_tells_of_each_file(tmp_path: Path, hub: FakeHub) -> None:
    store = store_in(tmp_path, hub.url)
    assert [(check.name, check.detail) for check in store.verify()] == [
        ("kokoro-v1_0.pth", "missing"),
        ("af_heart.bin", "missing"),
        ("am_adam.bin", "missing"),
    ]
    store.pull(download=True, progress=Silent())
    (tmp_path / "v/my_own.bin").write_bytes((VOICE * 2).tobytes())
    found = {check.name: (check.ok, check.source, check.size) for check in store.verify()}
    assert found["kokoro-v1_0.pth"] == (True, "hub", len(WEIGHTS))
    assert found["my_own.bin"] == (True, "own", VOICE.nbytes)
    assert store.voice_names() == ["af_heart", "am_adam", "my_own"]


class CountingOrigin:
    """Writes the files itself, and counts how often it is asked."""

    name = "counting"

    def __init__(self) -> None:
        self.asked = 0

    def fetch_weights(self, model_dir: Path, progress: Progress) -> None:
        del progress
        self.asked += 1
        with written_whole(model_dir / pins.HUB_WEIGHTS.name) as stream:
            stream.write(WEIGHTS)

    def fetch_voices(self, voices_dir: Path, names: Sequence[str], progress: Progress) -> None:
        del progress
        self.asked += 1
        for name in names:
            with written_whole(voices_dir / f"{name}.bin") as stream:
                stream.write(VOICE.tobytes())


def test_two_pulls_at_once_fetch_once(tmp_path: Path) -> None:
    origin = CountingOrigin()
    stores = [ModelStore(tmp_path, tmp_path / "voices", [origin]) for _ in range(2)]
    watchers = [Watcher(), Watcher()]
    with locked(tmp_path / ".lock", lambda: None):  # so that both find something missing before either may begin
        threads = [
            threading.Thread(target=store.pull, args=(True, watcher))
            for store, watcher in zip(stores, watchers, strict=True)
        ]
        for thread in threads:
            thread.start()
        assert all(watcher.waits.wait(10) for watcher in watchers)
    for thread in threads:
        thread.join()
    assert origin.asked == 2
    assert all(check.ok for check in stores[0].verify())


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, hub: FakeHub) -> None:
    (tmp_path / "m").write_text("a file where the folder should be")
    with pytest.raises(ModelUnavailable, match="cannot be written"):
        store_in(tmp_path, hub.url).pull(download=True, progress=Silent())


def test_an_unreachable_host_is_found_out_in_time() -> None:
    with pytest.raises(OriginUnavailable, match="cannot be reached"):
        require_reachable("http://127.0.0.1:1/x", QUICK_S)


def test_a_file_appears_only_when_written(tmp_path: Path) -> None:
    target = tmp_path / "folder/file"
    with written_whole(target) as stream:
        stream.write(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o644
    with pytest.raises(TypeError), written_whole(target) as stream:
        stream.writelines([b"newer", None])  # type: ignore[list-item]
    assert target.read_bytes() == b"new"
    assert files_in(tmp_path) == ["file"]


def test_a_download_without_an_announced_length_is_taken_whole(tmp_path: Path, hub: FakeHub) -> None:
    def answer(request: object) -> None:
        request.send_response(200)  # type: ignore[attr-defined]
        request.end_headers()  # type: ignore[attr-defined]
        request.wfile.write(b"all of it")  # type: ignore[attr-defined]

    hub.answers["plain"] = answer
    watcher = Watcher()
    download(f"{hub.url}/plain", tmp_path / "plain", watcher, timeout_s=QUICK_S)
    assert (tmp_path / "plain").read_bytes() == b"all of it"
    assert watcher.steps[-1] == ("plain", 9, None)


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")


@pytest.mark.usefixtures("no_index")
def test_pip_says_why_it_failed(tmp_path: Path) -> None:
    with pytest.raises(OriginUnavailable, match="pip could not fetch no-such-package-of-ours==1: ERROR"):
        pip_download(["no-such-package-of-ours==1"], tmp_path, 10, Silent())


@pytest.mark.usefixtures("no_index")
def test_a_python_without_pip_asks_that_of_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    pip = tmp_path / "bin" / "pip"
    pip.parent.mkdir()
    pip.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pip "$@"\n')
    monkeypatch.setenv("PATH", str(pip.parent))
    with pytest.raises(OriginUnavailable, match="there is no pip"):
        pip_download(["no-such-package-of-ours==1"], tmp_path, 10, Silent())
    pip.chmod(0o755)
    with pytest.raises(OriginUnavailable, match="pip could not fetch no-such-package-of-ours==1: ERROR"):
        pip_download(["no-such-package-of-ours==1"], tmp_path, 10, Silent())
