"""Voice files for gateways, which have none: a mix in, the bytes of a ``.pt`` out."""

from __future__ import annotations

import asyncio

from shared.errors import QueueUnavailable
from shared.observe import logger
from shared.streams.voices import PackRequest, PackRequests
from worker.model.torch_writer import torch_tensor_file
from worker.model.voice_file import ROWS, STYLE_SIZE
from worker.voices import StyleSource, VoicePackError

log = logger(__name__)

BLOCK_S = 2
RETRY_S = 1.0


async def serve_packs(requests: PackRequests, packs: StyleSource) -> None:
    """Answer requests for voice files, one after the other, until cancelled."""
    while True:
        try:
            request = await requests.next(BLOCK_S)
            if request is not None:
                await _serve(requests, request, packs)
        except QueueUnavailable as error:
            log.warning("queue_unavailable", error=error.message)
            await asyncio.sleep(RETRY_S)


async def _serve(requests: PackRequests, request: PackRequest, packs: StyleSource) -> None:
    try:
        pack = packs.pack(request.mix)
    except VoicePackError as error:
        await requests.refuse(request, str(error))
    else:
        # The shape of the official voice files.
        await requests.answer(request, torch_tensor_file(pack.reshape(ROWS, 1, STYLE_SIZE)))
