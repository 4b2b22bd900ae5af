"""What the images hold, without images: their install steps, replayed into empty folders."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deploy" / "docker"
LOCKS = DOCKER / "requirements"


class Tree:
    """The packages of one image, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def num_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())

    def can_import(self, module: str) -> bool:
        return self.python(f"import {module}").returncode == 0

    def python(self, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ``code`` with these packages, outside the repository."""
        command = [str(self.folder / "bin" / "python"), "-I", "-c", code]
        merged = {**os.environ, **environment}
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=self.folder, env=merged)

    def start(self, *command: str, log: Path, **settings: str) -> subprocess.Popen[bytes]:
        """``kokoro-fleet`` as an image starts it: of this machine's environment it has nothing."""
        image = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "LOG_FORMAT": "json"}
        own = {"PATH": f"{self.folder}/bin:/usr/bin:/bin", "HOME": str(log.parent), **image}
        with log.open("ab") as out:
            return subprocess.Popen(
                [self.folder / "bin" / "kokoro-fleet", *command],
                env={**own, **settings},
                cwd=log.parent,
                stdout=out,
                stderr=out,
            )


class Builder:
    """The Dockerfile's stages `build` and `package`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._python = folder / "build" / "bin" / "python"
        _run(sys.executable, "-m", "venv", folder / "build")
        _run(self._python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCKS / "build.txt")
        wheel = ("wheel", "--quiet", "--no-deps", "--no-build-isolation")
        _run(self._python, "-m", "pip", *wheel, "--wheel-dir", folder / "package", ROOT)

    def tree(self, lock: str) -> Tree:
        """The stage that fills an image from ``lock``."""
        self._install(lock, LOCKS / f"{lock}.txt")
        return self.package(lock)

    def package(self, name: str = "package-only") -> Tree:
        """That stage's last step: our own wheel, into what is there."""
        self._install(name, "--package", self._folder / "package")
        return Tree(self._folder / name)

    def _install(self, name: str, *step: object) -> None:
        environment = {**os.environ, "TREE": str(self._folder / name), "PYTHON": str(self._python)}
        _run(DOCKER / "install-tree.sh", *step, env=environment)


def _run(*command: object, env: dict[str, str] | None = None) -> None:
    done = subprocess.run([str(word) for word in command], env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
