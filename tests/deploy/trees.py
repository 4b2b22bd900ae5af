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
        found = subprocess.run(
            [self.folder / "bin" / "python", "-c", f"import {module}"], check=False, capture_output=True
        )
        return found.returncode == 0

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
        tree = self._folder / lock
        environment = {**os.environ, "TREE": str(tree), "PYTHON": str(self._python)}
        for step in ([LOCKS / f"{lock}.txt"], ["--package", self._folder / "package"]):
            _run(DOCKER / "install-tree.sh", *step, env=environment)
        return Tree(tree)


def _run(*command: object, env: dict[str, str] | None = None) -> None:
    done = subprocess.run([str(word) for word in command], env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
