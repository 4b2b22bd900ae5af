"""What holds the children of ``kokoro-fleet up``: each ends when that process is gone, even by ``kill -9``.

A child's standard input is a pipe that nothing is written to. The kernel closes its other end with the process that
holds it, whatever ended that, on Linux as on macOS; who reads it then ends itself as on SIGTERM.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

LEASH = "KOKORO_FLEET_LEASH"
"""Set in the environment of a child of ours whose standard input is such a pipe."""

# A program of others reads no leash: a shell does it beside, and becomes it. A line instead of the end lets go.
_READ_BESIDE = 'exec 3<&0 </dev/null; { read -r _ <&3 || kill -TERM $$; } & exec 3<&-; exec "$@"'


def start_command(command: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """``kokoro-fleet command``, in a session of its own: Ctrl-C does not reach it."""
    arguments = [sys.executable, "-m", "cli", command]
    own = {**environment, LEASH: "stdin"}
    return subprocess.Popen(arguments, env=own, stdin=subprocess.PIPE, start_new_session=True)


def start_program(arguments: Sequence[str], kept_open: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """A program that knows nothing of leashes, the same way; ``kept_open``: descriptors that it holds too."""
    leashed = ["/bin/sh", "-c", _READ_BESIDE, "sh", *arguments]
    return subprocess.Popen(leashed, stdin=subprocess.PIPE, pass_fds=kept_open, start_new_session=True)


def let_go(process: subprocess.Popen[bytes]) -> None:
    """Call once the end of a child was asked for, or seen: whoever reads its leash for it ends too."""
    if process.stdin is not None and not process.stdin.closed:
        with contextlib.suppress(OSError):
            process.stdin.write(b"\n")
        with contextlib.suppress(OSError):
            process.stdin.close()


def heed() -> None:
    """In a child that ``start_command`` started: end with the parent."""
    if os.environ.pop(LEASH, None):
        threading.Thread(target=_end_with_parent, name="leash", daemon=True).start()


def _end_with_parent() -> None:
    while os.read(0, 64):
        continue
    os.kill(os.getpid(), signal.SIGTERM)
