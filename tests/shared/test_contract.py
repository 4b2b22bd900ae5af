"""The wire: what is packed comes out the same; what is not ours is refused to whoever waits for it."""

from __future__ import annotations

import msgpack
import pytest

from shared.contract import (
    WIRE_VERSION,
    Addressee,
    AudioFrame,
    ChunkFailed,
    ChunkJob,
    ChunkTimings,
    Lane,
    UnreadableMessage,
    decode_job,
    decode_reply,
    encode,
)

JOB = ChunkJob(
    request_id="req_1",
    seq=3,
    reply_stream="tts:reply:g",
    token_ids=(50, 16, 43),
    voice=(("af_bella", 0.75), ("af_sky", 0.25)),
    speed=1.25,
    seed=7,
    deadline_ms=1_800_000_000_000,
    lane=Lane.URGENT,
    tenant_id="",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
FRAME = AudioFrame(
    request_id="req_1",
    seq=3,
    attempt="a",
    part=0,
    last=True,
    pcm=b"\x00\x01\x02\x03",
    sample_rate=24_000,
    durations=(1, 4, 1),
    timings=ChunkTimings(1.5, 0.25, 300.0),
    batch_size=2,
    worker_id="w",
)
FAILED = ChunkFailed("req_1", 3, "voice_unavailable", "no such pack")


def test_a_job_survives_the_wire() -> None:
    assert decode_job(encode(JOB)) == JOB


@pytest.mark.parametrize("reply", [FRAME, FAILED])
def test_a_reply_survives_the_wire(reply: AudioFrame | ChunkFailed) -> None:
    assert decode_reply(encode(reply)) == reply


def test_pcm_travels_as_bytes_not_text() -> None:
    assert msgpack.unpackb(encode(FRAME))["pcm"] == b"\x00\x01\x02\x03"


def test_another_version_is_refused_by_name_and_to_its_addressee() -> None:
    body = {**msgpack.unpackb(encode(JOB)), "v": WIRE_VERSION + 1, "some_new_field": 1}
    with pytest.raises(UnreadableMessage, match=f"version {WIRE_VERSION}.*version {WIRE_VERSION + 1}") as caught:
        decode_job(msgpack.packb(body))
    assert caught.value.addressee == Addressee("req_1", 3, "tts:reply:g")
    assert caught.value.code == "wire_version_unsupported"


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\xc1",
        b"\x93\x01\x02",
        msgpack.packb([1, 2]),
        msgpack.packb({"v": WIRE_VERSION, "kind": "frame"}),
        msgpack.packb({"v": WIRE_VERSION, "kind": ["job"]}),
        msgpack.packb({"v": WIRE_VERSION, "kind": "job", "request_id": "r"}),
        msgpack.packb({**msgpack.unpackb(encode(JOB)), "token_ids": "abc"}),
        msgpack.packb({**msgpack.unpackb(encode(JOB)), "lane": "express"}),
        msgpack.packb({**msgpack.unpackb(encode(JOB)), "voice": [["af_bella"]]}),
    ],
)
def test_anything_else_is_unreadable_and_nothing_worse(packed: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        decode_job(packed)
