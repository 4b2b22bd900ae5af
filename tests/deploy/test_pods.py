"""Who may speak to whom, who is asked whether it is well, and who is told to go: of every pod of the chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.deploy.chart import CHART, VALUE_SETS, Resource, container, environment, one, rendered, values_of
from tests.deploy.test_chart import WORKLOADS, each_value_set, rendered_with

pytestmark = pytest.mark.deploy

REDIS, METRICS, HTTP, DNS, WEB = 6379, 9100, 8880, 53, {80, 443}
NETWORKED = [path for path in VALUE_SETS if values_of(path).get("networkPolicy", {}).get("enabled", True)]


def workloads(resources: list[Resource]) -> dict[str, Resource]:
    """By component."""
    return {
        each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]: each
        for each in resources
        if each["kind"] in WORKLOADS
    }


class Network:
    """What Kubernetes would let through: a pod that policies select gets what they name, and no more."""

    def __init__(self, resources: list[Resource]) -> None:
        self._pods = {
            name: each["spec"]["template"]["metadata"]["labels"] for name, each in workloads(resources).items()
        }
        self._policies = [each["spec"] for each in resources if each["kind"] == "NetworkPolicy"]

    def may(self, source: str, target: str, port: int) -> bool:
        """Whether a pod of ours (``outside``: one elsewhere, ``world``: an address) reaches another at ``port``."""
        return self._allows(source, "Egress", target, port) and self._allows(target, "Ingress", source, port)

    def is_closed(self, component: str) -> bool:
        """Whether some policy speaks of each direction."""
        return all(self._rules(component, direction) is not None for direction in ("Ingress", "Egress"))

    def _rules(self, component: str, direction: str) -> list[dict[str, Any]] | None:
        labels = self._pods.get(component)
        about = [
            policy
            for policy in self._policies
            if labels is not None
            and direction in policy["policyTypes"]
            and policy["podSelector"]["matchLabels"].items() <= labels.items()
        ]
        return [rule for policy in about for rule in policy.get(direction.lower(), ())] if about else None

    def _allows(self, component: str, direction: str, other: str, port: int) -> bool:
        rules = self._rules(component, direction)
        peers = "to" if direction == "Egress" else "from"
        return rules is None or any(
            port in {each["port"] for each in rule["ports"]}
            and (peers not in rule or any(self._is(peer, other) for peer in rule[peers]))
            for rule in rules
        )

    def _is(self, peer: dict[str, Any], other: str) -> bool:
        if "namespaceSelector" in peer:
            return other == "outside"
        wanted: dict[str, str] = peer["podSelector"]["matchLabels"]
        return all(self._pods.get(other, {}).get(name) == value for name, value in wanted.items())


@pytest.mark.parametrize("path", NETWORKED, ids=lambda path: path.stem)
def test_every_pod_has_a_policy_both_ways(path: Path) -> None:
    resources = rendered(values_of(path))
    network = Network(resources)
    assert [name for name in workloads(resources) if not network.is_closed(name)] == []


def test_who_may_speak_to_whom() -> None:
    network = Network(rendered(values_of(CHART / "ci" / "volumes-values.yaml")))
    for component in ("gateway", "worker-cpu", "batch"):
        assert network.may(component, "valkey", REDIS)
        assert network.may(component, "outside", DNS)
        assert network.may("outside", component, METRICS)
    assert network.may("outside", "gateway", HTTP)
    assert not network.may("outside", "valkey", REDIS)
    assert not network.may("valkey", "world", 443)
    assert not network.may("worker-cpu", "gateway", HTTP)
    assert not network.may("outside", "worker-cpu", HTTP)
    assert not network.may("gateway", "world", 22)
    assert all(network.may("gateway", "world", port) for port in WEB), "webhooks and object storage"


def test_a_worker_with_its_model_in_its_image_reaches_the_queue_alone() -> None:
    network = Network(rendered({}))
    assert network.may("worker-cpu", "valkey", REDIS)
    assert not any(network.may("worker-cpu", "world", port) for port in WEB)
    open_to_all = Network(rendered({"networkPolicy": {"enabled": False}}))
    assert open_to_all.may("outside", "valkey", REDIS)


def test_whoever_asks_for_metrics_or_speech_may_be_named() -> None:
    """The production values say both: others are shut out."""
    network = Network(rendered(values_of(CHART / "ci" / "production-values.yaml")))
    assert not network.may("world", "gateway", HTTP)
    assert not network.may("world", "worker-cpu", METRICS)
    assert network.may("worker-cpu", "world", 26379), "an outside Sentinel"


@each_value_set
def test_probes_ask_each_process_of_itself_alone(path: Path) -> None:
    """Neither a start nor a life depends on Redis, workers or a GPU: those are for /readyz, which restarts nobody."""
    for name, workload in workloads(rendered(values_of(path))).items():
        if name == "valkey":
            continue
        pod = container(workload)
        ports = {each["name"]: each["containerPort"] for each in pod["ports"]}
        asked = {probe: pod[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
        assert {probe: get["path"] for probe, get in asked.items()} == {
            "startup": "/livez",
            "liveness": "/livez",
            "readiness": "/readyz",
        }
        assert {get["port"] for get in asked.values()} == {"http" if name == "gateway" else "metrics"}
        settings = environment(workload)
        assert ports["metrics"] == int(settings["METRICS_PORT"])
        assert name != "gateway" or ports["http"] == int(settings["PORT"])


@each_value_set
def test_a_process_has_long_enough_to_start_and_to_hang_for_a_moment(path: Path) -> None:
    for name, workload in workloads(rendered(values_of(path))).items():
        if name == "valkey":
            continue
        pod = container(workload)
        start, life = pod["startupProbe"], pod["livenessProbe"]
        model_s = 300 if name.startswith("worker") else 120
        assert start["periodSeconds"] * start["failureThreshold"] >= model_s, "a model, or nine languages, is loaded"
        assert life["periodSeconds"] * life["failureThreshold"] >= 60
        assert life["timeoutSeconds"] >= 5


def test_readiness_is_noticed_before_a_draining_gateway_closes() -> None:
    gateway = one(rendered({}), "Deployment", "-gateway")
    probe = container(gateway)["readinessProbe"]
    noticed_s = probe["periodSeconds"] * probe["failureThreshold"]
    assert noticed_s <= float(environment(gateway)["DRAIN_DELAY_S"])


def test_replacing_takes_nobody_away_before_another_is_there() -> None:
    resources = rendered_with("batch.enabled=true", "storage.url=s3://b/p")
    for name in ("gateway", "worker-cpu"):
        assert workloads(resources)[name]["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    budgets = [each for each in resources if each["kind"] == "PodDisruptionBudget"]
    assert {each["metadata"]["labels"]["app.kubernetes.io/component"] for each in budgets} == {
        "gateway",
        "worker-cpu",
        "batch",
    }
    assert all(each["spec"]["maxUnavailable"] == 1 for each in budgets)


def test_pods_spread_over_nodes_and_zones() -> None:
    for name, workload in workloads(rendered({})).items():
        if name == "valkey":
            continue
        pod = workload["spec"]["template"]
        spread = pod["spec"]["topologySpreadConstraints"]
        assert [each["topologyKey"] for each in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
        assert all(each["labelSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items() for each in spread)


def test_the_ingress_holds_nothing_back() -> None:
    ingress = one(rendered_with("ingress.enabled=true"), "Ingress")
    prefix = "nginx.ingress.kubernetes.io/"
    said = {name.removeprefix(prefix): value for name, value in ingress["metadata"]["annotations"].items()}
    assert said["proxy-buffering"] == said["proxy-request-buffering"] == "off"
    assert int(said["proxy-read-timeout"]) >= 3600, "a whole file says nothing until it is done"
    assert int(said["proxy-send-timeout"]) > 300, "STALLED_CLIENT_TIMEOUT_S is the gateway's to keep"
    assert all(isinstance(value, str) for value in said.values()), "Kubernetes takes strings alone"
