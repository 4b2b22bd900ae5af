"""The GitHub workflows: as GitHub has them, and they do nothing that people cannot do with make."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.deploy

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
MAY_BE_INSTALLED = "sudo apt-get "

each_workflow = pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.stem)


def jobs_of(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return found


def commands_of(path: Path) -> list[str]:
    return [step["run"] for job in jobs_of(path).values() for step in job.get("steps", ()) if "run" in step]


@each_workflow
def test_github_takes_it(path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@each_workflow
def test_it_calls_make(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = commands_of(path)
    made = [command.split()[1] for command in commands if command.startswith("make ")]
    assert [each for each in commands if not each.startswith(("make ", MAY_BE_INSTALLED))] == []
    assert made
    assert set(made) <= targets


def test_nothing_is_released_that_ci_has_not_passed() -> None:
    jobs = jobs_of(WORKFLOWS / "release.yml")
    assert jobs["ci"]["uses"] == "./.github/workflows/ci.yml"
    before = {name: job.get("needs", "") for name, job in jobs.items()}
    assert before == {"version": "", "ci": "version", "images": "ci", "release": "images", "pypi": "release"}


def test_a_release_has_every_image() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    images = re.search(r"^IMAGES := (.+)$", makefile, re.MULTILINE)
    assert images
    built = " ".join(commands_of(WORKFLOWS / "release.yml"))
    assert [image for image in images[1].split() if not re.search(rf"IMAGES=\S*.*\b{image}\b", built)] == []


@pytest.mark.parametrize(
    ("tag", "complaint"), [("v9.9.9", "pyproject.toml says"), (None, "CHANGELOG.md has no section")]
)
def test_a_tag_that_is_no_version_is_refused(tmp_path: Path, tag: str | None, complaint: str) -> None:
    """In a folder of its own, whose CHANGELOG knows of nothing."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n", encoding="utf-8")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    command = ["make", "check-version", f"TAG={tag or f'v{version}'}"]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert complaint in refused.stdout
    (tmp_path / "CHANGELOG.md").write_text(f"## [{version}]\n", encoding="utf-8")
    command = ["make", "check-version", f"TAG=v{version}"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
