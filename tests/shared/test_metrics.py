"""The page of metrics and the probes, over HTTP."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from cli.up import _Children
from shared.errors import FleetError
from shared.metrics import OTHER_TENANTS, Probes, TenantNames, metrics_served, new_registry

HOST = "127.0.0.1"


def test_the_page_shows_the_process_and_its_release() -> None:
    registry = new_registry("worker")
    Counter("kokoro_things", "Things.", registry=registry).inc(3)
    with metrics_served(registry, HOST, 0) as port:
        page = httpx.get(f"http://{HOST}:{port}/metrics")
    families = {family.name: family for family in text_string_to_metric_families(page.text)}
    [build] = families["kokoro_build_info"].samples
    assert build.labels["component"] == "worker"
    assert build.labels["version"]
    assert families["kokoro_things"].samples[0].value == 3
    assert "process_resident_memory_bytes" in families
    assert not [name for name in families if name.endswith("_created")]


def test_what_runs_before_a_scrape_is_in_it() -> None:
    registry = CollectorRegistry()
    scrapes = Counter("kokoro_scrapes", "Scrapes.", registry=registry)
    with metrics_served(registry, HOST, 0, before_scrape=scrapes.inc) as port:
        pages = [httpx.get(f"http://{HOST}:{port}/metrics").text for _ in range(2)]
    assert ["kokoro_scrapes_total 1.0" in pages[0], "kokoro_scrapes_total 2.0" in pages[1]] == [True, True]


def test_probes_answer_by_what_they_are_told() -> None:
    said = {"live": True, "ready": False}
    probes = Probes(lambda: said["live"], lambda: said["ready"])
    with metrics_served(CollectorRegistry(), HOST, 0, probes=probes) as port:

        def statuses() -> list[int]:
            return [httpx.get(f"http://{HOST}:{port}/{path}").status_code for path in ("livez", "readyz", "other")]

        assert statuses() == [200, 503, 404]
        said.update(live=False, ready=True)
        assert statuses() == [503, 200, 404]


def test_without_probes_there_are_none_to_be_misled_by() -> None:
    with metrics_served(CollectorRegistry(), HOST, 0) as port:
        assert httpx.get(f"http://{HOST}:{port}/readyz").status_code == 404


def test_a_port_in_use_is_told_by_its_setting() -> None:
    with (
        metrics_served(CollectorRegistry(), HOST, 0) as port,
        pytest.raises(FleetError, match=f"METRICS_PORT={port} cannot be listened on"),
        metrics_served(CollectorRegistry(), HOST, port),
    ):
        pass


def test_the_server_is_gone_afterwards() -> None:
    with metrics_served(CollectorRegistry(), HOST, 0) as port:
        pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{HOST}:{port}/metrics")


def test_tenants_beyond_the_limit_share_one_label() -> None:
    names = TenantNames(limit=2)
    assert [names.label(tenant) for tenant in ("a", "b", "c", "a", "d")] == [
        "a",
        "b",
        OTHER_TENANTS,
        "a",
        OTHER_TENANTS,
    ]


def test_what_up_starts_has_a_port_each_and_keeps_it() -> None:
    children = _Children({"METRICS_PORT": "9100", "REDIS_URL": "redis://x"})
    names = ["worker 1", "worker 2", "gateway", "batch runner", "worker 1"]
    ports = [children._environment_of(name)["METRICS_PORT"] for name in names]
    assert ports == ["9101", "9102", "9100", "9103", "9101"]
    assert "METRICS_PORT" not in _Children({"REDIS_URL": "redis://x"})._environment_of("gateway")
