"""Each process starts and serves with only what its image would hold; no image holds what it has no use for."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import httpx
import pytest

from tests.conftest import START_TIMEOUT_S, Service, _free_port, running_valkey, wait_until
from tests.deploy.trees import ROOT, Builder, Tree
from worker.model.graph_file import built_by_this_code, graphs

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]

BASE_MB = 125
"""python:3.12-slim-bookworm."""
AIM_MB = {"gateway-all": 700, "worker-cpu": 600, "all-in-one": 1100}
"""Whole images without the model, uncompressed. worker-cuda is not replayed: its torch is several GB."""
NEVER = {
    "gateway-all": {"torch", "onnxruntime", "onnx", "sudachidict_core", "pip", "Cython"},
    "worker-cpu": {"torch", "spacy", "misaki", "fastapi", "uvicorn", "av", "pip"},
    "all-in-one": {"torch", "sudachidict_core", "pip"},
}
SAID = {
    "a": "Dr. Smith paid $5.20 on 3 May 2024.",
    "b": "The colour of the lift at 221B Baker Street.",
    "e": "El 3 de mayo costó 5,20 €.",
    "f": "Le 3 mai, il a payé 5,20 €.",
    "h": "मेरे पास 25 किताबें हैं।",
    "i": "Il 3 maggio costava 5,20 €.",
    "j": "2024年5月3日に東京で何を食べましたか。辛いカレーです。",
    "p": "No dia 3 de maio custou R$ 5,20.",
    "z": "2024年5月3日，我在北京吃了三碗面。",
}

each_tree = pytest.mark.parametrize("lock", AIM_MB)


class Trees:
    def __init__(self, folder: Path) -> None:
        self._builder = Builder(folder)
        self._trees: dict[str, Tree] = {}

    def __getitem__(self, lock: str) -> Tree:
        if lock not in self._trees:
            self._trees[lock] = self._builder.tree(lock)
        return self._trees[lock]


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trees]:
    folder = tmp_path_factory.mktemp("trees")
    yield Trees(folder)
    shutil.rmtree(folder)  # 2 GB, which pytest would keep of three runs


@pytest.fixture(scope="module")
def engine() -> dict[str, str]:
    """The real one where the built graph is here, the fake one elsewhere."""
    models = ROOT / "models"
    if not any(built_by_this_code(graph) for graph in graphs(models)):
        return {"ENGINE": "fake"}
    return {"ENGINE": "onnx", "MODEL_DIR": str(models), "DOWNLOAD_MODEL": "false"}


@contextlib.contextmanager
def ending(*processes: Popen[bytes]) -> Iterator[None]:
    """Afterwards each gets SIGTERM and goes with 0."""
    try:
        yield
        for process in processes:
            process.terminate()
        assert [process.wait(60) for process in processes] == [0] * len(processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def gateway(trees: Trees, engine: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a gateway that has a worker and a batch runner, each from its own tree."""
    folder, port = tmp_path_factory.mktemp("fleet"), _free_port()
    url = f"http://127.0.0.1:{port}"
    storage = {"TEMP_FILE_DIR": str(folder / "downloads"), "STORAGE_URL": f"file://{folder}/files"}
    listens = {"HOST": "127.0.0.1", "PORT": str(port)}
    with running_valkey() as valkey, contextlib.ExitStack() as stack:
        queue = {"REDIS_URL": valkey.url}
        spoken = trees["worker-cpu"].start("worker", log=folder / "worker.log", **queue, **engine)
        stack.enter_context(ending(spoken))
        served = trees["gateway-all"].start("gateway", log=folder / "gateway.log", **queue, **storage, **listens)
        stack.enter_context(ending(served))
        batches = trees["gateway-all"].start("batch", log=folder / "batch.log", **queue, **storage)
        stack.enter_context(ending(batches))
        wait_until(lambda: is_ready(url), "the gateway is ready", START_TIMEOUT_S)
        wait_until(lambda: '"ready"' in (folder / "batch.log").read_text(), "a batch runner", START_TIMEOUT_S)
        yield url


def is_ready(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK
    return False


def phonemes(url: str, language: str) -> str:
    answer = httpx.post(f"{url}/v1/audio/phonemize", json={"text": SAID[language], "language": language}, timeout=60)
    assert answer.status_code == httpx.codes.OK, answer.text
    said: str = answer.json()["phonemes"]
    return said


def speak(url: str, voice: str, text: str) -> bytes:
    body = {"input": text, "voice": voice, "response_format": "wav", "stream": False}
    answer = httpx.post(f"{url}/v1/audio/speech", json=body, timeout=120)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.content


@each_tree
def test_an_image_is_no_larger_than_it_should_be(trees: Trees, lock: str) -> None:
    packages_mb = trees[lock].num_bytes / 1e6
    print(f"{lock}: {packages_mb:.0f} MB of packages, {packages_mb + BASE_MB:.0f} MB in all")
    assert packages_mb + BASE_MB <= AIM_MB[lock]


@each_tree
def test_an_image_cannot_import_what_it_has_no_use_for(trees: Trees, lock: str) -> None:
    assert trees[lock].can_import("gateway.app" if lock != "worker-cpu" else "worker.main")
    assert {module for module in NEVER[lock] if trees[lock].can_import(module)} == set()


@pytest.mark.parametrize("language", SAID)
def test_what_was_left_out_changes_no_phoneme(gateway: str, service: Service, language: str) -> None:
    """Against a gateway with all its packages' files."""
    said = phonemes(gateway, language)
    assert said
    assert said == phonemes(service.url, language)


@pytest.mark.parametrize(("voice", "language"), [("af_heart", "a"), ("jf_alpha", "j"), ("zf_xiaobei", "z")])
def test_the_processes_speak(gateway: str, voice: str, language: str) -> None:
    audio = speak(gateway, voice, SAID[language])
    assert audio.startswith(b"RIFF")
    assert len(audio) > 48_000, "a second at least"


def test_all_in_one_speaks(trees: Trees, engine: dict[str, str], tmp_path: Path) -> None:
    port = _free_port()
    listens = {"HOST": "127.0.0.1", "PORT": str(port), "STORAGE_URL": f"file://{tmp_path}/files"}
    url = f"http://127.0.0.1:{port}"
    process = trees["all-in-one"].start("up", log=tmp_path / "up.log", **listens, **engine)
    with ending(process):
        wait_until(lambda: is_ready(url), "it is ready", START_TIMEOUT_S)
        assert httpx.get(f"{url}/health", timeout=5).json()["status"] == "healthy"
        assert len(speak(url, "af_heart", SAID["a"])) > 48_000
