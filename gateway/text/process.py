"""What runs inside a process of the pool. The gateway imports this module too, and must not load a G2P by that."""

from __future__ import annotations

import importlib
import multiprocessing
import multiprocessing.connection
import os
import threading

from gateway.text.chunker import ChunkerState, ChunkLimits
from gateway.text.core import Reader, SectionResult, chunk_section
from gateway.text.languages import Language
from gateway.text.phonemisers import PRELOADED, g2p_for
from gateway.text.reading import Reading
from gateway.text.sections import Section


def prepare() -> None:
    """Called once in each new process: load the G2Ps, unless they came with the fork, and die with the parent."""
    threading.Thread(target=_exit_with_parent, name="exit-with-parent", daemon=True).start()
    importlib.import_module(PRELOADED)


def process_id() -> int:
    """Answers when the process is ready."""
    return os.getpid()


def run_section(
    section: Section, language: Language, reading: Reading, limits: ChunkLimits, state: ChunkerState
) -> SectionResult:
    """``chunk_section`` with this process's G2P."""
    return chunk_section(section, Reader(language, g2p_for(language), reading), limits, state)


def _exit_with_parent() -> None:
    # A pool's process waits for work on a pipe of which it holds both ends: it would outlive a killed gateway.
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
