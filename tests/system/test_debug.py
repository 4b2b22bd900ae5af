"""What is for operators: there where it was asked for, nowhere else, and without a word of anybody's text."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from tests.conftest import Service, running_service, running_valkey
from tests.system.test_bad_input import check_error
from tests.system.test_faults import SENTENCES, open_stream

PAGES = ("system", "threads", "storage", "session_pools", "queue")


@pytest.fixture(scope="module")
def open_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("debug")
    environment = {
        "ENABLE_DEBUG_ENDPOINTS": "true",
        "DEFAULT_VOLUME_MULTIPLIER": "0.5",
        "TEMP_FILE_DIR": str(folder / "kept"),
    }
    with running_valkey() as server, running_service(server.url, folder, environment) as running:
        yield running


@pytest.mark.parametrize("page", PAGES)
def test_by_default_there_are_none(service: Service, page: str) -> None:
    check_error(httpx.get(f"{service.url}/debug/{page}"), 404, None, "not_found")


def test_they_show_the_process_the_disk_and_the_fleet(open_service: Service) -> None:
    link = open_service.speak("Hi.", return_download_link=True).headers["x-download-path"]
    shown = {page: httpx.get(f"{open_service.url}/debug/{page}").json() for page in PAGES}
    assert shown["system"]["process"]["pid"] == open_service.gateway.process.pid
    assert shown["system"]["memory"]["total_bytes"] > shown["system"]["process"]["memory_bytes"] > 0
    assert any("show_threads" in place for thread in shown["threads"]["threads"] for place in thread["stack"])
    assert shown["storage"]["num_downloads"] == 1
    assert shown["storage"]["num_bytes"] == len(httpx.get(open_service.url + link).content)
    assert [worker["engine"] for worker in shown["session_pools"]["workers"]] == ["fake"]
    assert [lane["lane"] for lane in shown["queue"]["lanes"]] == ["urgent", "standard", "batch"]


def test_they_show_no_text(open_service: Service) -> None:
    with open_stream(open_service, "Zanzibar. " + SENTENCES * 20, return_download_link=True) as answer:
        next(answer.iter_bytes())
        shown = [httpx.get(f"{open_service.url}/debug/{page}").json() for page in PAGES]
    assert "anzibar" not in json.dumps(shown).lower()
    assert "Sentence" not in json.dumps(shown)


def test_the_default_volume_is_heard_where_none_is_asked_for(open_service: Service) -> None:
    loud, by_default, told_nothing = (
        np.frombuffer(open_service.speak("Hi.", **fields).content, "<i2").astype(int)
        for fields in ({"volume_multiplier": 1}, {}, {"volume_multiplier": None})
    )
    assert np.abs(loud - 2 * by_default).max() <= 2
    assert (by_default == told_nothing).all()
