"""The compose files: as the Compose Specification has them, and true to the images and the settings they name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import GatewaySettings
from worker.settings import WorkerSettings

pytestmark = pytest.mark.deploy

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = DEPLOY / "compose"
FILES = sorted(COMPOSE.glob("*.yml"))
OURS = re.compile(r"^\$\{KOKORO_REGISTRY:-kokoro-fleet\}/(?P<target>[a-z-]+):\$\{KOKORO_TAG:-latest\}$")
SETTINGS = {name.upper() for name in {**GatewaySettings.model_fields, **WorkerSettings.model_fields}}

each_file = pytest.mark.parametrize(
    "path", [path for path in FILES if path.stem != "prometheus"], ids=lambda path: path.stem
)


def services(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    return found


def ours(path: Path) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in services(path).items() if OURS.match(each["image"])}


@each_file
def test_compose_takes_them(path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def read_by_compose(path: Path, **environment: str) -> dict[str, dict[str, Any]]:
    """The services, as Docker Compose itself reads them."""
    tool = Path(sysconfig.get_path("scripts")) / "docker-compose"
    if not tool.exists():
        pytest.skip("Docker Compose comes from PyPI for Linux on x86-64 alone")
    command = [str(tool), "--file", str(path), "config", "--format", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return found


@each_file
def test_docker_compose_reads_them(path: Path) -> None:
    read = read_by_compose(path, PORT="9999", VALKEY_PASSWORD="s3cret")  # noqa: S106
    assert set(read) == set(services(path))
    (published,) = [port for each in read.values() for port in each.get("ports", ()) if port["published"] == "9999"]
    assert published["target"] in {8080, 8880}
    urls = {each["environment"]["REDIS_URL"] for each in read.values() if "REDIS_URL" in each.get("environment", {})}
    assert urls <= {"redis://valkey:6379/0", "redis://:s3cret@valkey:6379/0"}
    assert len(urls) == (path.stem != "cpu")


@each_file
def test_what_stands_in_env_reaches_our_processes(path: Path, tmp_path: Path) -> None:
    """Every line of the example, those of Kokoro-FastAPI's compose files among them."""
    lines = re.findall(r"^#([A-Z_]+=.*)$", (COMPOSE / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
    copied = Path(shutil.copy(path, tmp_path))
    read = read_by_compose(copied)
    wanted = dict(line.split("=", 1) for line in lines)
    for name in ours(path):
        environment = read[name]["environment"]
        for setting in ("ONNX_INTER_OP_THREADS", "ONNX_EXECUTION_MODE", "ONNX_NUM_THREADS", "DEFAULT_VOICE"):
            assert environment[setting] == wanted[setting], (name, setting)


@each_file
def test_images_are_targets_of_the_dockerfile(path: Path) -> None:
    dockerfile = (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^FROM runtime AS (\S+)$", dockerfile, re.MULTILINE))
    for each in ours(path).values():
        named = OURS.match(each["image"])
        assert named is not None
        assert named["target"] in targets
        if "build" in each:
            assert each["build"]["target"] == named["target"]
            assert (path.parent / each["build"]["context"] / each["build"]["dockerfile"]).is_file()


@each_file
def test_our_processes_are_locked_in(path: Path) -> None:
    assert ours(path)
    for each in ours(path).values():
        assert each["user"] == "1001:1001"
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
        assert each["security_opt"] == ["no-new-privileges:true"]
        options = [folder.partition(":")[2].split(",") for folder in each["tmpfs"]]
        assert any("exec" in each for each in options), "espeak-ng is loaded from there"


@each_file
def test_settings_are_settings(path: Path) -> None:
    for each in ours(path).values():
        assert set(each.get("environment", {})) <= SETTINGS


@each_file
def test_mounted_files_are_there(path: Path) -> None:
    for each in services(path).values():
        for volume in each.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (path.parent / source).exists(), source


def test_the_example_names_settings() -> None:
    lines = (COMPOSE / ".env.example").read_text(encoding="utf-8").splitlines()
    names = {line.removeprefix("#").split("=")[0] for line in lines if re.match(r"^#?[A-Z_]+=", line)}
    of_the_files = {"KOKORO_REGISTRY", "KOKORO_TAG", "VALKEY_PASSWORD", "GRAFANA_PASSWORD"}
    assert names >= of_the_files
    assert names - of_the_files <= SETTINGS


def test_a_gateway_is_given_the_time_it_takes_to_drain() -> None:
    for name, each in ours(COMPOSE / "scale.yml").items():
        if name.startswith("gateway"):
            drains_s = float(each["environment"]["DRAIN_DELAY_S"]) + float(each["environment"]["DRAIN_TIMEOUT_S"])
            assert float(each["stop_grace_period"].removesuffix("s")) > drains_s


def test_valkey_keeps_its_memory_and_evicts_nothing() -> None:
    command = services(COMPOSE / "scale.yml")["valkey"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
