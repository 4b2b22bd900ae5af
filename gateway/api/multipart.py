"""Reads a multipart form with one file as it comes: never more of it in memory than one piece."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.batch.errors import FileTooLarge, InvalidForm

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_FIELDS = 20
MAX_FIELD_BYTES = 4096
"""Of a field's value, or of a part's headers."""

_NUMBER = re.compile(r"[0-9]{1,18}")

FORM_ROOM_BYTES = 2 * MAX_FIELDS * MAX_FIELD_BYTES
"""What a form may have besides its file."""


class FileForm:
    """A form whose file is ``file_name``'s; ``fields`` and ``filename`` are complete once ``file`` is read."""

    def __init__(self, request: Request, file_name: str, max_file_bytes: int) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self._file_name = file_name
        self._request = request
        self._max_file_bytes = max_file_bytes
        self._parts = _Parts()

    async def file(self) -> AsyncGenerator[bytes, None]:
        """The file's bytes. Raises InvalidForm; FileTooLarge where the request itself says that it is."""
        said = self._request.headers.get("content-length", "")
        if _NUMBER.fullmatch(said) and int(said) > self._max_file_bytes + FORM_ROOM_BYTES:
            raise FileTooLarge(f"The file is larger than {self._max_file_bytes} bytes.", param=self._file_name)
        parser = self._parser()
        try:
            async for piece in self._request.stream():
                parser.write(piece)
                for content in self._taken():
                    yield content
            parser.finalize()
        except MultipartParseError as error:
            raise InvalidForm(f"The form cannot be read: {error}") from error
        if not self._parts.is_whole:
            raise InvalidForm("The form ends in the middle.")
        if self.filename is None:
            raise InvalidForm(
                f"The form has no {self._file_name}.", param=self._file_name, code="missing_required_parameter"
            )

    def _parser(self) -> MultipartParser:
        media_type, options = parse_options_header(self._request.headers.get("content-type"))
        boundary = options.get(b"boundary")
        if media_type != b"multipart/form-data" or not boundary:
            raise InvalidForm("The body must be multipart/form-data, with a boundary.")
        return MultipartParser(boundary, self._parts.callbacks())

    def _taken(self) -> list[bytes]:
        """What has come of the file; fields that are whole are read by the way."""
        contents = []
        for part in self._parts.take():
            if part.name == self._file_name and part.is_file:
                if part.is_new and self.filename is not None:
                    raise InvalidForm("The form has more than one file.", param=self._file_name)
                self.filename = part.filename
                contents.append(bytes(part.content))
            elif part.is_whole and not part.is_file:
                self.fields[part.name] = part.text()
        return contents


@dataclass(slots=True)
class _Part:
    """A piece of one part of the form."""

    name: str
    filename: str | None
    content: bytearray
    is_new: bool = True
    """Whether it is the part's first piece."""
    is_whole: bool = False

    @property
    def is_file(self) -> bool:
        return self.filename is not None

    def text(self) -> str:
        try:
            return self.content.decode()
        except UnicodeDecodeError as error:
            raise InvalidForm("A field is not UTF-8.", param=self.name[:80]) from error


class _Parts:
    """What the parser calls back; ``take`` hands over what has come since."""

    def __init__(self) -> None:
        self.is_whole = False
        self._count = 0
        self._header, self._value, self._num_header_bytes = b"", b"", 0
        self._disposition = b""
        self._part: _Part | None = None
        self._ended: list[_Part] = []

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._open,
            "on_part_data": self._on_data,
            "on_part_end": self._close,
            "on_end": self._end,
        }

    def take(self) -> list[_Part]:
        """Parts that have ended, and what there is of a file that goes on."""
        taken, self._ended = self._ended, []
        part = self._part
        if part and part.is_file and part.content:
            taken.append(replace(part))
            part.content, part.is_new = bytearray(), False
        return taken

    def _begin(self) -> None:
        self._count += 1
        if self._count > MAX_FIELDS:
            raise InvalidForm(f"A form may have {MAX_FIELDS} parts.")
        self._disposition, self._num_header_bytes = b"", 0

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += self._bounded(data, start, end)

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._bounded(data, start, end)

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        name, filename = options.get(b"name"), options.get(b"filename")
        if name is None:
            raise InvalidForm("A part of the form has no name.")
        self._part = _Part(_readable(name), None if filename is None else _readable(filename), bytearray())

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part is None:
            return
        part.content += data[start:end]
        if not part.is_file and len(part.content) > MAX_FIELD_BYTES:
            raise InvalidForm(f"A field may have {MAX_FIELD_BYTES} bytes.", param=part.name[:80])

    def _close(self) -> None:
        if self._part is not None:
            self._part.is_whole = True
            self._ended.append(self._part)
            self._part = None

    def _end(self) -> None:
        self.is_whole = True

    def _bounded(self, data: bytes, start: int, end: int) -> bytes:
        self._num_header_bytes += end - start
        if self._num_header_bytes > MAX_FIELD_BYTES:
            raise InvalidForm(f"The headers of a part may have {MAX_FIELD_BYTES} bytes.")
        return data[start:end]


def _readable(name: bytes) -> str:
    return name.decode(errors="replace")
