"""The wire: what travels between gateway and worker, as msgpack maps. ``docs/wire.md`` is the prose to it.

Every message carries ``v`` (the wire version), ``kind``, ``request_id`` and ``seq``; jobs also ``reply_stream``.
Those five keep their names and meaning in all versions to come, so that a process can refuse a message of another
version *to someone* rather than lose it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar

import msgpack

from shared.errors import WireError

WIRE_VERSION = 1

VoiceMix = tuple[tuple[str, float], ...]
"""Voice names with weights, in the order given; those of subtracted voices are negative."""


class Lane(StrEnum):
    """Priority of a job, highest first."""

    URGENT = "urgent"
    """First chunk of an interactive stream: somebody is waiting in silence."""
    STANDARD = "standard"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class ChunkJob:
    """One chunk to synthesise."""

    kind: ClassVar[str] = "job"

    request_id: str
    seq: int
    """Position of the chunk in its request, from 0."""
    reply_stream: str
    token_ids: tuple[int, ...]
    """Phoneme ids without the boundary zeros, 1 to 510."""
    voice: VoiceMix
    speed: float
    seed: int
    deadline_ms: int
    """Unix time after which nobody waits for the answer."""
    lane: Lane
    tenant_id: str
    traceparent: str | None = None
    """W3C trace context of the request."""


@dataclass(frozen=True, slots=True)
class ChunkTimings:
    """Where a chunk's time went, in milliseconds."""

    queued_ms: float
    batch_wait_ms: float
    inference_ms: float


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """A part of a chunk's audio. A chunk is whole when all parts of one ``attempt`` up to its ``last`` are there."""

    kind: ClassVar[str] = "frame"

    request_id: str
    seq: int
    attempt: str
    """Names one run of the job: parts of different runs never mix, even if engines differ by a sample."""
    part: int
    last: bool
    pcm: bytes
    """s16le mono."""
    sample_rate: int
    durations: tuple[int, ...]
    """On the last part: units of 25 ms for each token, boundary tokens included; empty on the others."""
    timings: ChunkTimings
    batch_size: int
    worker_id: str


@dataclass(frozen=True, slots=True)
class ChunkFailed:
    """A chunk that will not come."""

    kind: ClassVar[str] = "failed"

    request_id: str
    seq: int
    code: str
    message: str


Message = ChunkJob | AudioFrame | ChunkFailed
Reply = AudioFrame | ChunkFailed


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who waits for a message that could not be read; empty strings where even that is unknown."""

    request_id: str = ""
    seq: int = 0
    reply_stream: str = ""


class UnreadableMessage(WireError):
    """A message of another wire version, or not a message at all. ``addressee`` is whoever can be told."""

    code = "wire_version_unsupported"

    def __init__(self, message: str, addressee: Addressee) -> None:
        super().__init__(message)
        self.addressee = addressee


def encode(message: Message) -> bytes:
    """Pack a message as one msgpack map."""
    body = {field.name: _plain(getattr(message, field.name)) for field in fields(message)}
    packed: bytes = msgpack.packb({"v": WIRE_VERSION, "kind": message.kind, **body})
    return packed


def decode_job(packed: bytes) -> ChunkJob:
    """Read a job. Raises UnreadableMessage."""
    job: ChunkJob = _read(packed, {"job": ChunkJob})
    return job


def decode_reply(packed: bytes) -> Reply:
    """Read a frame or a failure. Raises UnreadableMessage."""
    reply: Reply = _read(packed, {"frame": AudioFrame, "failed": ChunkFailed})
    return reply


def _plain(value: Any) -> Any:
    if isinstance(value, ChunkTimings):
        return [value.queued_ms, value.batch_wait_ms, value.inference_ms]
    return value


def _read(packed: bytes, kinds: dict[str, type[Any]]) -> Any:
    body = _unpack(packed)
    addressee = _addressee(body)
    if body.get("v") != WIRE_VERSION:
        raise UnreadableMessage(
            f"this process speaks wire version {WIRE_VERSION}, the message is of version {body.get('v')!r}: "
            "run the same release of gateway and worker",
            addressee,
        )
    cls = kinds.get(str(body.get("kind")))
    if cls is None:
        raise UnreadableMessage(f"unexpected message kind {body.get('kind')!r}", addressee)
    try:
        return cls(**{field.name: _typed(field.name, body[field.name]) for field in fields(cls)})
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableMessage(f"malformed {body['kind']}: {error!r}", addressee) from error


def _unpack(packed: bytes) -> dict[str, Any]:
    try:
        body = msgpack.unpackb(packed)
    except (ValueError, msgpack.UnpackException) as error:
        raise UnreadableMessage(f"not msgpack: {error!r}", Addressee()) from error
    if not isinstance(body, dict):
        raise UnreadableMessage(f"expected a map, got {type(body).__name__}", Addressee())
    return body


def _addressee(body: dict[str, Any]) -> Addressee:
    seq = body.get("seq", 0)
    return Addressee(
        request_id=str(body.get("request_id", "")),
        seq=seq if isinstance(seq, int) else 0,
        reply_stream=str(body.get("reply_stream", "")),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value


def _ids(value: Any) -> tuple[int, ...]:
    if not all(isinstance(item, int) for item in value):
        raise TypeError("expected whole numbers")
    return tuple(value)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes, got {type(value).__name__}")
    return value


def _mix(value: Any) -> VoiceMix:
    return tuple((_text(name), float(weight)) for name, weight in value)


_READERS: dict[str, Any] = {
    "token_ids": _ids,
    "durations": _ids,
    "voice": _mix,
    "lane": Lane,
    "timings": lambda value: ChunkTimings(*(float(item) for item in value)),
    "pcm": _bytes,
    "seq": int,
    "part": int,
    "seed": int,
    "deadline_ms": int,
    "sample_rate": int,
    "batch_size": int,
    "speed": float,
    "last": bool,
    "traceparent": lambda value: None if value is None else _text(value),
}
"""How each field is read; text where not named here."""


def _typed(name: str, value: Any) -> Any:
    return _READERS.get(name, _text)(value)
