"""From C to a library that ONNX Runtime loads, with the compiler that is there."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from worker.model.files import write_whole
from worker.model.graph_file import code_hash

_HERE = Path(__file__).parent
_SOURCES = ("onnx_op.c", "snake_conv.c")
_FLAGS = ("-std=gnu11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden")
_LIBRARIES = ("-lm", "-lpthread")
_COMPILERS = ("cc", "gcc", "clang")
_NEEDED = frozenset({"avx2", "fma"})
_TIMEOUT_S = 120


class KernelsUnavailable(Exception):
    """The kernels cannot be compiled, or have not been measured on such a processor. The message says why."""


def check_processor() -> None:
    """Raise KernelsUnavailable unless this machine is one that the kernels are known to be faster on."""
    if not _is_x86() or not _processor_flags().issuperset(_NEEDED):
        raise KernelsUnavailable(f"this processor ({platform.machine()}) has no AVX2, which the kernels are made for")


def compile_kernels(library: Path) -> None:
    """Put the kernels into ``library``, which appears whole or not at all: as compiled ahead, or else compiled now.

    Takes a second. The compiler is that of the environment variable CC, or else ``cc``, ``gcc`` or ``clang``. Raises
    KernelsUnavailable when there is none, or with what it said.
    """
    ahead = _compiled_ahead()
    if ahead.is_file():
        write_whole(library, ahead.read_bytes())
    else:
        _compile(library)


def compile_ahead() -> Path:
    """Compile the kernels into this package: an image has them where its graph is built later, without a compiler.

    Returns where they are. Raises KernelsUnavailable as ``compile_kernels`` does.
    """
    library = _compiled_ahead()
    _compile(library)
    return library


def _compiled_ahead() -> Path:
    return _HERE / f"kernels-{code_hash()}.so"


def _compile(library: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "kernels.so"
        sources = [str(_HERE / name) for name in _SOURCES]
        command = [*_compiler(), *_FLAGS, *_machine_flags(), *sources, "-o", str(made), *_LIBRARIES]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KernelsUnavailable(f"{command[0]} cannot be run: {error}") from error
        if ended.returncode:
            raise KernelsUnavailable(f"{command[0]} failed: {ended.stderr.strip()[-500:]}")
        write_whole(library, made.read_bytes())


def _compiler() -> list[str]:
    if named := shlex.split(os.environ.get("CC", "")):
        return named
    for name in _COMPILERS:
        if path := shutil.which(name):
            return [path]
    raise KernelsUnavailable(f"there is no C compiler ({', '.join(_COMPILERS)}, or CC)")


def _machine_flags() -> list[str]:
    """A library goes wherever its graph goes: no more than what it says it needs, and not this very processor."""
    return [f"-m{flag}" for flag in sorted(_NEEDED)] if _is_x86() else []


def _is_x86() -> bool:
    return platform.machine() in {"x86_64", "AMD64"}


def _processor_flags() -> frozenset[str]:
    """What Linux says the processor can do; nothing elsewhere."""
    try:
        content = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    lines = (line.partition(":") for line in content.splitlines())
    return frozenset(word for key, _, flags in lines if key.strip() == "flags" for word in flags.split())


if __name__ == "__main__":
    compile_ahead()
