"""What every process of the pool holds: the loaded G2Ps. Importing this module loads them.

Only the pool's fork server imports it (``pool`` tells it to), once; the processes that it forks share the memory and
start in milliseconds. Where there is no fork server, each process imports it for itself.
"""

from __future__ import annotations

import gc
import os
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the pool
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported; threads do not survive a fork

from gateway.text.core import chunk_text  # noqa: E402
from gateway.text.english import load_english  # noqa: E402

G2PS = load_english()

for _g2p in G2PS.values():
    list(chunk_text("Warm up: the first call of each part is its slowest, Xyzzy.", _g2p))

gc.collect()
gc.freeze()  # a collection in a forked process would otherwise touch, and so copy, all of the shared memory
