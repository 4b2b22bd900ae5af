"""A whole novel through the frontend: nothing fails, nothing is lost, no chunk is too large."""

from __future__ import annotations

import itertools
import re

from bench.novel import novel
from gateway.text.core import chunk_text
from gateway.text.g2p import G2P
from tests.text.test_core import check

NOVEL = novel(400_000)


def test_every_word_of_a_novel_is_spoken(english: G2P) -> None:
    chunks = list(chunk_text(NOVEL, english))
    check(chunks, NOVEL)
    is_spoken = bytearray(len(NOVEL))
    words = [word for chunk in chunks for word in chunk.words]
    for word in words:
        is_spoken[word.char_start : word.char_end] = bytes([1]) * (word.char_end - word.char_start)
    lost = [match.group() for match in re.finditer(r"\w+", NOVEL) if not all(is_spoken[match.start() : match.end()])]

    assert lost == []
    assert len(chunks) >= 400_000 / 450 / 4
    # Each once: words of one span are the words that it is read as, and no two spans overlap.
    spans = [span for span, _ in itertools.groupby((word.char_start, word.char_end) for word in words)]
    assert len(set(spans)) == len(spans)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
