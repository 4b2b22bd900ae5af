"""Links to what was spoken: who gives them, and where they lead."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request

from gateway.api.ranges import RangedFile
from gateway.api.tenancy import tenant_of
from gateway.audio.formats import FORMATS
from gateway.downloads import Download, DownloadStore
from shared.errors import InvalidValue

router = APIRouter(tags=["audio"])

PATH = "/v1/download"

_MEDIA_TYPES = {form.extension: form.essence for form in FORMATS.values()} | {"json": "application/json"}

_ANSWERS: dict[int | str, dict[str, Any]] = {
    206: {"description": "The part that Range asks for.", "content": {"application/octet-stream": {}}},
}

MAX_NAME_LENGTH = 100
UNSAFE_IN_NAMES = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\ud800-\udfff]')
"""What a file name cannot have on one system or another."""


def download_headers(request: Request, download: Download | None) -> dict[str, str]:
    """Where the files of an answer will be. Raises InvalidValue."""
    if download is None:
        return {}
    if "idempotency-key" in request.headers:
        # A repeated answer makes no new file, and its link would lead nowhere.
        raise InvalidValue(
            "A request with an Idempotency-Key has no download link: send it again to have the audio again.",
            param="return_download_link",
        )
    folder = request.scope.get("root_path", "") + PATH
    names = {"x-download-path": download.audio_name, "x-timing-path": download.timing_name}
    return {header: f"{folder}/{name}" for header, name in names.items() if name}


@router.get(PATH + "/{file_name}", response_class=RangedFile, responses=_ANSWERS)
# This one serves both: it is registered first. An operation of two methods cannot be documented.
@router.api_route(PATH + "/{file_name}", methods=["GET", "HEAD"], include_in_schema=False)
# Kokoro-FastAPI's links lack the /v1, so its clients put one before what they are given.
@router.api_route("/v1" + PATH + "/{file_name}", methods=["GET", "HEAD"], include_in_schema=False)
async def download(request: Request, file_name: str, name: str | None = None) -> RangedFile:
    """The file of a link; `name` is what to save it as. Ranges of it may be asked for.

    404 `download_not_ready`, with Retry-After: it is still being made; 404 `download_not_found`: there is none of that
    name, or not any more, or it is another tenant's.
    """
    store: DownloadStore = request.app.state.downloads
    path = await asyncio.to_thread(store.find, file_name, tenant_of(request).id)
    return RangedFile(
        path,
        headers={"x-content-type-options": "nosniff", "cache-control": "private"},
        media_type=_MEDIA_TYPES.get(path.suffix.removeprefix("."), "application/octet-stream"),
        filename=_saved_as(name, path),
    )


def _saved_as(name: str | None, path: Path) -> str:
    """``name`` without what no file name may have, and with the ending that the file really has."""
    stem = UNSAFE_IN_NAMES.sub("_", name or "").removesuffix(path.suffix).strip(" .")[:MAX_NAME_LENGTH]
    return f"{stem or 'speech'}{path.suffix}"
