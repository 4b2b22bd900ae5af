"""Joins in the pipeline: silence goes where a clause was cut in two, on either side of the cut."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.pipeline import Joins
from gateway.text.chunker import Chunk

SILENCE = np.zeros(12_000, np.int16)
PCM = np.concatenate([SILENCE, np.full(2_400, 9_000, np.int16), SILENCE])


async def chunks(*breaks_off: bool) -> AsyncGenerator[Chunk, None]:
    for each in breaks_off:
        yield Chunk("a", (43,), 0, 1, (), breaks_off=each)


def silences(pcm: NDArray[np.int16]) -> tuple[bool, bool]:
    """Whether the silence is still there at the start, and at the end."""
    return not pcm[: len(SILENCE)].any(), not pcm[-len(SILENCE) :].any()


@pytest.mark.parametrize("are_trimmed", [True, False])
async def test_both_sides_of_a_cut_lose_their_silence(are_trimmed: bool) -> None:
    joins = Joins(chunks(True, True, False, False), are_trimmed=are_trimmed)
    seqs = [seq async for seq, _ in _numbered(joins.chunks())]
    left = [silences(joins.trim(seq, PCM)) for seq in seqs]

    if are_trimmed:
        assert left == [(True, False), (False, False), (False, True), (True, True)]
    else:
        assert left == [(True, True)] * 4


async def test_remembers_no_more_than_is_under_way() -> None:
    joins = Joins(chunks(*[False] * 100), are_trimmed=True)
    async for seq, _ in _numbered(joins.chunks()):
        joins.trim(seq, PCM)

    assert len(joins._breaks_off) == 1


async def _numbered(made: AsyncGenerator[Chunk, None]) -> AsyncGenerator[tuple[int, Chunk], None]:
    seq = 0
    async for chunk in made:
        yield seq, chunk
        seq += 1
