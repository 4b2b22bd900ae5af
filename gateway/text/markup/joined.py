"""``AlignedText.join`` for what may be a book."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from gateway.text.aligned import PLACE, AlignedText


def joined(parts: Sequence[AlignedText]) -> AlignedText:
    """The parts, which are in the order of the original, one after the other.

    Offsets are in arrays of 8 bytes a character; as lists of numbers they take 80.
    """
    if len(parts) == 1:
        return parts[0]
    starts, ends = array(PLACE), array(PLACE)
    for part in parts:
        starts.extend(part.starts)
        ends.extend(part.ends)
    said = {start: said for part in parts for start, said in part.said.items()}
    return AlignedText("".join(part.text for part in parts), starts, ends, said)
