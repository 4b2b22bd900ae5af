"""Make the C library give memory back."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
"""From glibc's malloc.h."""

_LARGE_BYTES = 1 << 20


def return_large_buffers() -> None:
    """From now on, freed buffers of a megabyte or more go back to the system at once; a no-op where there is no glibc.

    glibc does so at first, but each such free raises its threshold, up to 32 MB; from then on buffers of audio length
    come out of the heap, which fragments: a worker grew by 120 MB over 50 chunks of mixed lengths. Setting the
    threshold pins it, at a cost of 1 % of a chunk's time in page faults. Source: mallopt(3).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
