"""Frames in any order, any number of times, of any runs: each chunk once, in order, whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.reorder import Reorder, SpokenChunk
from shared.contract import AudioFrame, ChunkTimings


def frame(seq: int, part: int, parts: int, attempt: str = "a") -> AudioFrame:
    return AudioFrame(
        request_id="r",
        seq=seq,
        attempt=attempt,
        part=part,
        last=part == parts - 1,
        pcm=f"{attempt}{seq}.{part};".encode(),
        sample_rate=24_000,
        durations=(seq,) if part == parts - 1 else (),
        timings=ChunkTimings(0, 0, 0),
        batch_size=1,
        worker_id=attempt,
    )


def drain(reorder: Reorder) -> list[SpokenChunk]:
    spoken = []
    while (chunk := reorder.pop()) is not None:
        spoken.append(chunk)
    return spoken


@given(st.data())
def test_every_chunk_once_in_order_from_one_run(data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=6))
    frames = [frame(seq, part, count) for seq, count in enumerate(parts) for part in range(count)]
    rerun = data.draw(st.lists(st.sampled_from(range(len(parts)))))
    frames += [frame(seq, part, parts[seq] + 1, "b") for seq in rerun for part in range(parts[seq] + 1)]
    reorder = Reorder()
    spoken: list[SpokenChunk] = []
    for item in data.draw(st.permutations(frames)):
        reorder.add(item)
        spoken += drain(reorder)
    assert [chunk.seq for chunk in spoken] == list(range(len(parts)))
    for chunk in spoken:
        count = parts[chunk.seq] + (chunk.worker_id == "b")
        whole = "".join(f"{chunk.worker_id}{chunk.seq}.{part};" for part in range(count))
        assert chunk.pcm.decode() == whole


def test_half_a_run_and_then_a_whole_one_never_mix() -> None:
    reorder = Reorder()
    reorder.add(frame(0, 0, 3, "dead"))
    reorder.add(frame(0, 1, 2, "live"))
    assert reorder.pop() is None
    reorder.add(frame(0, 0, 2, "live"))
    chunk = reorder.pop()
    assert chunk is not None
    assert chunk.pcm == b"live0.0;live0.1;"
