"""The images' recipes: hadolint's rules, and lock files that are those of pyproject.toml."""

from __future__ import annotations

import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.deploy

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deploy" / "docker"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LOCKS = sorted((DOCKER / "requirements").glob("*.txt"))
NEVER = {
    "gateway-all": {"torch", "onnxruntime", "onnx"},
    "gateway-western": {"torch", "onnxruntime", "onnx", "pyopenjtalk-plus", "jieba"},
    "worker-cpu": {"torch", "spacy", "misaki", "fastapi", "uvicorn", "av"},
    "worker-cuda": {"onnxruntime", "spacy", "misaki", "fastapi", "uvicorn", "av"},
    "all-in-one": {"torch"},
}

each_lock = pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)


def locked(path: Path) -> dict[str, str]:
    """Versions by name."""
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_hadolint_finds_nothing() -> None:
    tool = Path(sysconfig.get_path("scripts")) / "hadolint"
    checked = subprocess.run([tool, DOCKER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@each_lock
def test_every_package_is_pinned_by_hash_and_from_nowhere_in_particular(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)[1:]
    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert not re.search(r"https?://|file://|--find-links|--index-url", text)


@each_lock
def test_locks_agree_with_what_is_tested_here(path: Path) -> None:
    """The versions of constraints.txt, which the tests run with."""
    tested = {
        re.sub(r"[-_.]+", "-", name).lower(): version for name, version in locked(ROOT / "constraints.txt").items()
    }
    differing = {
        name: (version, tested[name]) for name, version in locked(path).items() if tested.get(name, version) != version
    }
    assert differing == {}, "run: make lock"


@pytest.mark.parametrize(("image", "packages"), NEVER.items())
def test_an_image_holds_no_more_than_it_needs(image: str, packages: set[str]) -> None:
    assert packages & set(locked(DOCKER / "requirements" / f"{image}.txt")) == set()


def asked_for(image: str) -> dict[str, Requirement]:
    """The direct dependencies of the extras that an image is made of, by name; of one that is named twice the last."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = re.search(rf"^LOCK_{image.replace('-', '_')} := (.+)$", MAKEFILE, re.MULTILINE)
    assert found, image
    stated = [*project["dependencies"]]
    for extra in found[1].split():
        stated += project["optional-dependencies"][extra]
    return {canonicalize_name(each.name): each for each in map(Requirement, stated)}


@pytest.mark.parametrize("image", NEVER)
def test_locks_are_as_new_as_what_they_lock(image: str) -> None:
    """Neither a dependency that came, went or moved in pyproject.toml, nor one that constraints.txt left, is missed."""
    path = DOCKER / "requirements" / f"{image}.txt"
    text, versions = path.read_text(encoding="utf-8"), locked(path)
    direct = set(
        re.findall(r"^([a-z0-9-]+)==[^#]*(?:#.*\n\s*)*#\s+(?:via )?kokoro-fleet \(pyproject", text, re.MULTILINE)
    )
    wanted = asked_for(image)
    assert direct == set(wanted), "run: make lock"
    wrong = {name: versions[name] for name, each in wanted.items() if not each.specifier.contains(versions[name])}
    assert wrong == {}, "run: make lock"


@pytest.mark.parametrize("image", NEVER)
def test_what_is_left_out_is_what_the_makefile_says(image: str) -> None:
    text = (DOCKER / "requirements" / f"{image}.txt").read_text(encoding="utf-8")
    left_out = set(re.findall(r"^# ([a-z0-9-]+)$", text.partition("excluded from the output:")[2], re.MULTILINE))
    assert left_out <= set(re.findall(r"--no-emit-package (\S+)", MAKEFILE))


def test_the_version_is_said_in_one_place() -> None:
    """pyproject.toml's; what must repeat it is kept true here."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    chart = yaml.safe_load((ROOT / "deploy" / "k8s" / "kokoro-fleet" / "Chart.yaml").read_text(encoding="utf-8"))
    assert (chart["version"], chart["appVersion"]) == (version, version)
