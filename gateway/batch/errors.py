"""What can be wrong with files and batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.errors import BadRequest, FleetError, InputTooLarge


class UnknownFile(FleetError):
    """No such file, not any more, or another tenant's."""

    code = "file_not_found"


class NoSuchPart(BadRequest):
    """A part of a file is asked for that lies beyond its end."""

    code = "range_not_satisfiable"

    def __init__(self, num_bytes: int) -> None:
        super().__init__(f"The file has {num_bytes} bytes, none of which are in that range.", param="Range")
        self.num_bytes = num_bytes


class UnknownBatch(FleetError):
    """No such batch, not any more, or another tenant's."""

    code = "batch_not_found"


class FileTooLarge(InputTooLarge):
    code = "file_too_large"


class InvalidForm(BadRequest):
    """Not a multipart form, or not one with a file."""

    code = "invalid_form"


class BatchRefused(Exception):
    """A batch's request is at fault; each fault has code, message, param and line, as OpenAI's have."""

    def __init__(self, faults: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults
