"""The lines of an OpenAI batch file: cut out of a stream, checked one by one."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from gateway.batch.errors import BatchRefused

ENDPOINT = "/v1/audio/speech"
MAX_FAULTS = 100
"""Told of one file."""
MAX_CUSTOM_ID_LENGTH = 512


class BatchLine(BaseModel):
    """One line: a request, and its caller's name for it."""

    model_config = ConfigDict(extra="ignore")

    custom_id: StrictStr = Field(min_length=1, max_length=MAX_CUSTOM_ID_LENGTH)
    method: Literal["POST"]
    url: Literal["/v1/audio/speech"]
    body: dict[str, Any]

    @property
    def num_characters(self) -> int:
        said = self.body.get("input")
        return len(said) if isinstance(said, str) else 0


@dataclass(frozen=True, slots=True)
class Line:
    """Where a line is in its file, from 1 and in bytes, and what it says."""

    number: int
    start: int
    content: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.content)


async def lines_of(pieces: AsyncIterator[bytes], max_line_bytes: int) -> AsyncGenerator[Line, None]:
    """The lines that are not blank, without their ends. Raises BatchRefused for one that is too long.

    No more than a line and a piece are held at a time.
    """
    rest, start, number = b"", 0, 0
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for content in whole:
            number += 1
            if content.strip():
                yield Line(number, start, content)
            start += len(content) + 1
        if len(rest) > max_line_bytes:
            raise BatchRefused([fault("line_too_long", f"A line may have {max_line_bytes} bytes.", number + 1)])
    if rest.strip():
        yield Line(number + 1, start, rest)


class LineCheck:
    """Checks lines as they come, and remembers what was wrong with them."""

    def __init__(self, max_lines: int, max_line_bytes: int) -> None:
        self._max_lines = max_lines
        self._max_line_bytes = max_line_bytes
        self._seen: set[bytes] = set()
        self.faults: list[dict[str, Any]] = []

    def read(self, line: Line) -> BatchLine | None:
        """What a line says; None where it is at fault. Raises BatchRefused where it makes no sense to go on."""
        found = self._fault(line)
        if isinstance(found, BatchLine):
            return found
        self.faults.append(found)
        if len(self.faults) >= MAX_FAULTS or found["code"] == "too_many_lines":
            raise BatchRefused(self.faults)
        return None

    def require_good(self) -> None:
        """After the last line. Raises BatchRefused."""
        if not self._seen and not self.faults:
            self.faults.append(fault("empty_file", "The file has no lines.", None))
        if self.faults:
            raise BatchRefused(self.faults)

    def _fault(self, line: Line) -> BatchLine | dict[str, Any]:
        if len(line.content) > self._max_line_bytes:
            return fault("line_too_long", f"A line may have {self._max_line_bytes} bytes.", line.number)
        try:
            said = BatchLine.model_validate_json(line.content)
        except ValidationError as error:
            return _invalid(error, line.number)
        name = hashlib.blake2b(said.custom_id.encode(), digest_size=16).digest()
        if name in self._seen:
            return fault("duplicate_custom_id", "Another line has this custom_id.", line.number, "custom_id")
        if len(self._seen) >= self._max_lines:
            return fault("too_many_lines", f"A batch may have {self._max_lines} lines.", line.number)
        self._seen.add(name)
        return said


_CODES = {
    "json_invalid": "invalid_json_line",
    "missing": "missing_required_parameter",
    ("literal_error", "url"): "invalid_url",
    ("literal_error", "method"): "invalid_method",
}


def _invalid(error: ValidationError, number: int) -> dict[str, Any]:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    param = str(first["loc"][0]) if first["loc"] else None
    code = _CODES.get(first["type"]) or _CODES.get((first["type"], param or ""), "invalid_value")
    return fault(code, f"{param}: {first['msg']}" if param else first["msg"], number, param)


def fault(code: str, message: str, line: int | None, param: str | None = None) -> dict[str, Any]:
    """What is wrong with a file, in OpenAI's shape."""
    return {"code": code, "line": line, "message": message, "param": param}
