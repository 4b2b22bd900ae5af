"""The chart: Helm lints and renders it, Kubernetes' schemas take what comes out, and it says what its values say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python import parse_set_string
from helm_python.chart import lint
from helm_python.errors import HelmError

from tests.deploy.chart import (
    CHART,
    MANIFESTS,
    VALUE_SETS,
    Resource,
    container,
    environment,
    manifests,
    one,
    rendered,
    values_of,
)

pytestmark = pytest.mark.deploy

KUBERNETES = ("1.29", "1.37")
CUSTOM = {"ScaledObject", "TriggerAuthentication", "PodMonitor"}
"""Kinds that bring schemas of their own with their operators."""
WORKLOADS = {"Deployment", "StatefulSet"}

each_value_set = pytest.mark.parametrize("path", VALUE_SETS, ids=lambda path: path.stem.removesuffix("-values"))


def rendered_with(*assignments: str, base: dict[str, Any] | None = None) -> list[Resource]:
    """As ``helm template --set …`` does."""
    return rendered({**(base or {}), **parse_set_string(",".join(assignments))})


@each_value_set
def test_helm_finds_nothing_to_complain_of(path: Path) -> None:
    report = lint(CHART, values_of(path), strict=True)
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


@each_value_set
@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_what_is_rendered(path: Path, version: str) -> None:
    for resource in rendered(values_of(path)):
        if resource["kind"] not in CUSTOM:
            kubernetes_validate.validate(resource, version, strict=True)


@each_value_set
def test_every_pod_keeps_the_restricted_profile(path: Path) -> None:
    workloads = [each for each in rendered(values_of(path)) if each["kind"] in WORKLOADS]
    assert workloads
    for workload in workloads:
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for each in [*pod["containers"], *pod.get("initContainers", [])]:
            assert each["securityContext"]["allowPrivilegeEscalation"] is False
            assert each["securityContext"]["readOnlyRootFilesystem"] is True
            assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert {"requests", "limits"} <= set(each["resources"])
            assert "cpu" not in each["resources"]["limits"], "a throttled process looks dead"


@each_value_set
def test_what_belongs_together_finds_each_other(path: Path) -> None:
    """Selectors meet labels, claims and secrets that a pod names are there or are the operator's own."""
    values = values_of(path)
    resources = rendered(values)
    pods = [each["spec"]["template"]["metadata"]["labels"] for each in resources if each["kind"] in WORKLOADS]
    for resource in resources:
        selector = resource["spec"].get("selector") if "spec" in resource else None
        if resource["kind"] == "NetworkPolicy":
            selector = resource["spec"]["podSelector"]
        if selector:
            wanted = selector.get("matchLabels", selector)
            assert any(wanted.items() <= labels.items() for labels in pods), resource["metadata"]["name"]
    names = {each["metadata"]["name"] for each in resources}
    for workload in (each for each in resources if each["kind"] in WORKLOADS):
        for volume in workload["spec"]["template"]["spec"].get("volumes", []):
            if claim := volume.get("persistentVolumeClaim"):
                assert claim["claimName"] in names


def test_kokoro_fastapis_set_lines_render_what_they_say() -> None:
    resources = rendered_with(
        "kokoroTTS.repository=ghcr.io/remsky/kokoro-fastapi-gpu",
        "kokoroTTS.tag=latest",
        "ingress.enabled=true",
        "ingress.hosts[0].host=tts.example.com",
    )
    gateway = one(resources, "Deployment", "-gateway")
    assert container(gateway)["image"] == "ghcr.io/remsky/kokoro-fastapi-gpu:latest"
    (rule,) = one(resources, "Ingress")["spec"]["rules"]
    assert rule["host"] == "tts.example.com"
    assert [(path["path"], path["pathType"]) for path in rule["http"]["paths"]] == [("/", "Prefix")]


def test_kokoro_fastapis_values_are_honoured() -> None:
    values = values_of(CHART / "ci" / "seed-values.yaml")
    values["autoscaling"]["enabled"] = True
    values["kokoroTTS"]["port"] = 9000
    resources = rendered(values)
    gateway, ingress = one(resources, "Deployment", "-gateway"), one(resources, "Ingress")
    assert container(gateway)["imagePullPolicy"] == "Always"
    assert container(gateway)["ports"][0] == {"name": "http", "containerPort": 9000}
    assert environment(gateway)["PORT"] == "9000"
    service = one(
        [each for each in resources if each["kind"] == "Service" and "clusterIP" not in each["spec"]], "Service"
    )
    assert service["spec"]["type"] == "ClusterIP"
    assert service["spec"]["ports"][0]["port"] == 9000
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt-prod"
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert ingress["spec"]["tls"] == [{"secretName": "kokoro-tts-tls", "hosts": ["tts.example.com"]}]
    scaler = one(resources, "HorizontalPodAutoscaler")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (1, 5)
    assert scaler["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 80}
    assert "replicas" not in gateway["spec"], "the autoscaler's, not ours"


def test_one_replica_is_one_replica() -> None:
    assert one(rendered_with("kokoroTTS.replicaCount=1"), "Deployment", "-gateway")["spec"]["replicas"] == 1


def test_gpu_workers_get_gpus_and_only_they() -> None:
    resources = rendered_with("workers.cuda.enabled=true")
    cuda, cpu = one(resources, "Deployment", "-worker-cuda"), one(resources, "Deployment", "-worker-cpu")
    assert container(cuda)["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "nvidia.com/gpu" not in container(cpu)["resources"]["limits"]
    assert environment(cuda)["ENGINE"] == "cuda"
    assert cuda["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0


def test_a_pod_has_the_time_to_drain() -> None:
    gateway = one(rendered_with("kokoroTTS.drainTimeoutSeconds=300"), "Deployment", "-gateway")
    settings = environment(gateway)
    drains_s = float(settings["DRAIN_DELAY_S"]) + float(settings["DRAIN_TIMEOUT_S"])
    assert drains_s < gateway["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert "lifecycle" not in container(gateway), "DRAIN_DELAY_S is the wait: a preStop hook would be another"


def test_requests_wait_where_workers_scale_to_zero() -> None:
    gpu = values_of(CHART / "ci" / "gpu-values.yaml")
    assert environment(one(rendered(gpu), "Deployment", "-gateway"))["WAIT_FOR_WORKERS_S"] == "120"
    gpu["waitForWorkersSeconds"] = 0
    assert environment(one(rendered(gpu), "Deployment", "-gateway"))["WAIT_FOR_WORKERS_S"] == "0"
    assert environment(one(rendered({}), "Deployment", "-gateway"))["WAIT_FOR_WORKERS_S"] == "0"


def test_an_operators_setting_wins_over_the_charts() -> None:
    gateway = one(rendered_with("kokoroTTS.env.DRAIN_DELAY_S=7"), "Deployment", "-gateway")
    assert environment(gateway)["DRAIN_DELAY_S"] == "7"
    names = [each["name"] for each in container(gateway)["env"]]
    assert len(names) == len(set(names))


def test_the_queues_password_is_in_its_url_as_urls_spell_it() -> None:
    resources = rendered(values_of(CHART / "ci" / "volumes-values.yaml"))
    secret = one(resources, "Secret")["stringData"]
    assert secret["password"] == "p@ss/word"  # noqa: S105
    assert secret["url"] == "redis://:p%40ss%2Fword@tts-kokoro-fleet-valkey:6379/0"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"valkey": {"enabled": False}}, "redis.url"),
        ({"redis": {"url": "redis://elsewhere"}}, "which queue"),
        ({"batch": {"enabled": True}}, "storage"),
        (
            {"keda": {"source": "redis"}, "workers": {"cpu": {"autoscaling": {"enabled": True, "minReplicas": 0}}}},
            "Keep one",
        ),
        ({"kokoroTTS": {"replicas": 3}}, "replicas"),
        ({"kokoroTTS": {"port": "http"}}, "port"),
        ({"workers": {"gpu2": {"enabled": True}}}, "gpu2"),
        ({"redis": {"url": "http://elsewhere"}}, "url"),
        ({"keda": {"targetUtilization": 1.5}}, "targetUtilization"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(HelmError, match=re.escape(complaint)):
        rendered(values)


def test_the_manifests_are_those_of_the_chart() -> None:
    assert (MANIFESTS / "kokoro-fleet.yaml").read_text(encoding="utf-8") == manifests(), "run: make manifests"


def test_every_value_is_in_the_readme() -> None:
    table = (CHART / "README.md").read_text(encoding="utf-8")
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    sections = {name: inside for name, inside in values.items() if isinstance(inside, dict) and name != "workers"}
    names = [f"`{section}.{name}`" for section, inside in sections.items() for name in inside]
    names += [f"`{name}`" for name, inside in values.items() if not isinstance(inside, dict)]
    assert [name for name in names if name not in table] == []
    assert [name for name in values["workers"]["cpu"] if f".{name}`" not in table] == []


def test_the_autoscaler_asks_for_metrics_that_there_are() -> None:
    """As documented; that the table is true is tested where it is."""
    documented = (CHART.parents[2] / "docs" / "observability.md").read_text(encoding="utf-8")
    scaled = one(rendered(values_of(CHART / "ci" / "gpu-values.yaml")), "ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    names = set(re.findall(r"kokoro_\w+", trigger["metadata"]["query"]))
    assert len(names) == 7
    assert [name for name in names if f"`{name}`" not in documented] == []
