"""The kind of batch that is an audio job: a book in parts that are bound at the end, or several texts.

Its items are ``[start, end, title, before]``: ``start`` to ``end`` are characters of a book's text, or bytes of the
line that an item is in the source file; the title is of the chapter that begins there; ``before`` is the markup that
the part begins with, so that it sounds as where it comes from. A job's plan is thus its items: made once, in its check.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack

from gateway.api.errors import error_body
from gateway.api.job_schemas import JobItem
from gateway.api.utterances import Desk
from gateway.assembly import SAMPLE_RATE
from gateway.audio.choice import choose_format
from gateway.batch.errors import BatchRefused, UnknownFile
from gateway.batch.files import JOB_OUTPUT, JOB_PART, FileCard, Files
from gateway.batch.lines import fault, lines_of
from gateway.batch.records import owner_of
from gateway.books.binding import Binder, Cover, Layout, Leaf, lay_out, packed, unpacked
from gateway.books.parts import PART_CHARS
from gateway.books.plan import Piece, pieces_of
from gateway.books.source import CHARACTER_BYTES, decoded
from gateway.parts import Parts
from gateway.pipeline import Audio, Utterance
from gateway.runner.kinds import Finished, Items
from gateway.settings import GatewaySettings
from gateway.storage import StorageUnavailable
from gateway.subtitles import CueMaker, SubtitleFormat
from gateway.text.errors import NothingToSpeak
from gateway.text.markup import read_script
from gateway.text.segments import Speech
from gateway.threads import run_to_end
from shared.contract import Lane
from shared.errors import FleetError, QueueUnavailable, SynthesisFailed
from shared.streams.batches import BatchRecord, BatchStore, Claim, Settled
from shared.streams.files import FileRecord

DAY_S = 86_400
RESULTS_AT_ONCE = 500
_SUBTITLE_TYPES = {SubtitleFormat.SRT: ("srt", "application/x-subrip")}
"""Ending and media type; the others are WebVTT."""


class AudioJobs:
    """What the runner knows of them; ``gateway.api.jobs`` takes them in."""

    def __init__(self, settings: GatewaySettings, parts: Parts, store: BatchStore, files: Files) -> None:
        self._settings = settings
        self._parts = parts
        self._store = store
        self._files = files

    async def check(self, batch: BatchRecord, items: Items) -> None:
        source = await self._files.get(batch.request["source_file_id"], batch.tenant_id)
        if batch.request["is_book"]:
            text = decoded(b"".join([piece async for piece in self._files.read(source)]))
            desk = self._desk(batch)
            for piece in await desk.resolved(lambda: asyncio.to_thread(self._plan, desk, batch, text)):
                await items.add(msgpack.packb(piece), piece.end - piece.start)
            return
        async with contextlib.aclosing(lines_of(self._files.read(source), self._settings.max_job_body_bytes)) as lines:
            async for line in lines:
                item = JobItem.model_validate_json(line.content)
                title = (item.name or str(line.number)) if batch.request["chapters"] == "auto" else None
                await items.add(msgpack.packb(Piece(line.start, line.end, title)), len(item.input))

    def _plan(self, desk: Desk, batch: BatchRecord, text: str) -> list[Piece]:
        """A book's parts. Raises FleetError for markup that cannot be read, wherever in the book it is."""
        said = JobItem.of({**batch.request["speech"], "input": ""})
        style = desk.style(said.voice, said.lang_code, said.voice_aliases)
        # The pauses of a whole book are not those of one request.
        markup = replace(desk.markup(said, tags=said.allow_voice_tags), max_total_pause_s=math.inf)
        script = read_script(text, style, markup)
        size = min(PART_CHARS, max(1, self._settings.max_input_length // 2))
        return list(pieces_of(text, batch.request["chapters"], style, script, size))

    async def work(self, batch: BatchRecord, claim: Claim) -> Settled:
        piece = Piece(*msgpack.unpackb(claim.item))
        item = await self._item(batch, piece)
        request_id = f"req_{uuid.uuid4().hex}"
        spoken = await self._desk(batch).speech(request_id, item)
        utterance = replace(spoken, lane=Lane.BATCH, work_id=claim.work_id)
        characters = len(utterance.text) - len(piece.before)
        if not batch.request["is_concatenated"]:
            return await self._file(batch, claim, item, utterance)
        utterance = replace(utterance, format=choose_format("flac", SAMPLE_RATE))
        try:
            async with self._parts.pipeline.file(utterance) as audio:
                return await self._part(batch, utterance, audio, characters)
        except NothingToSpeak:
            if not batch.request["is_book"]:
                raise
            nothing: bytes = msgpack.packb({"samples": 0})  # a row of stars, a block of code
            return Settled(True, nothing, characters)

    def refused(self, batch: BatchRecord, error: FleetError) -> Settled:
        result: bytes = msgpack.packb(error_body(error))
        return Settled(False, result, ends_all=batch.request["is_concatenated"])  # nobody wants a book without a part

    async def finish(self, batch: BatchRecord) -> Finished:
        if not batch.request["is_concatenated"]:
            found = [result async for result in self._results(batch)]
            files = [result["file"] for result in found if "file" in result]
            errors = [{**result["error"], "item": number} for number, result in enumerate(found) if "error" in result]
            return Finished({"files": files, "item_errors": errors})
        if batch.ending != "completed":
            return Finished({"files": []}, keeps_results=True)
        failed = [result["error"] async for result in self._results(batch) if "error" in result]
        if failed:
            raise BatchRefused([fault(failed[0]["code"], failed[0]["message"], None, failed[0]["param"])])
        with tempfile.TemporaryDirectory(prefix="kokoro-fleet-") as folder:
            return await self._bound(batch, Path(folder))

    async def ended(self, batch: BatchRecord) -> None:
        """Delete what nobody needs any more. What is left, because this process dies, goes when its time is over."""
        await self._delete(batch, batch.request["source_file_id"])
        async for result in self._results(batch):
            for name in ("audio", "cues"):
                if name in result:
                    await self._delete(batch, result[name])

    async def _item(self, batch: BatchRecord, piece: Piece) -> JobItem:
        """The request for speech that a part, or an item, is. Raises FleetError."""
        scale = CHARACTER_BYTES if batch.request["is_book"] else 1
        source = await self._files.get(batch.request["source_file_id"], batch.tenant_id)
        content = b"".join([part async for part in self._files.read(source, piece.start * scale, piece.end * scale)])
        if not batch.request["is_book"]:
            return JobItem.model_validate_json(content)
        return JobItem.of({**batch.request["speech"], "input": piece.before + decoded(content)})

    async def _part(self, batch: BatchRecord, utterance: Utterance, audio: Audio, characters: int) -> Settled:
        maker = CueMaker([part.text for part in utterance.script.segments if isinstance(part, Speech)])
        cues = packed([*maker.add(audio.words), *maker.finish(audio.seconds)])
        # Until it is bound, or will not be any more.
        life_s = batch.expires_at - int(time.time()) + DAY_S
        card = FileCard(batch.tenant_id, JOB_PART, "part", "audio/flac", life_s)
        spoken = await self._files.write(card, audio.packets)
        timed = await self._files.write(replace(card, content_type="application/msgpack"), _once(cues))
        samples = round(audio.seconds * SAMPLE_RATE)
        result: bytes = msgpack.packb({"samples": samples, "audio": spoken.id, "cues": timed.id})
        return Settled(True, result, characters, audio.seconds, [spoken, timed])

    async def _file(self, batch: BatchRecord, claim: Claim, item: JobItem, utterance: Utterance) -> Settled:
        name = f"{item.name or f'{claim.number + 1:04}'}.{utterance.format.extension}"
        async with self._parts.pipeline.file(utterance) as audio:
            record = await self._files.write(self._card(batch, name, utterance.format.essence), audio.packets)
        result: bytes = msgpack.packb({"file": _told(record, name, audio.seconds)})
        return Settled(True, result, len(utterance.text), audio.seconds, [record])

    async def _bound(self, batch: BatchRecord, folder: Path) -> Finished:
        found = [result async for result in self._results(batch)]
        if not any(result["samples"] for result in found):
            message = "The input contains nothing that can be spoken."
            raise BatchRefused([fault(NothingToSpeak.code, message, None, "input")])
        cover = self._cover(batch)
        titles = [title async for title in self._titles(batch)]
        leaves = [Leaf(title, result["samples"]) for title, result in zip(titles, found, strict=True)]
        layout = lay_out(leaves, cover)
        try:
            with await run_to_end(Binder, folder, layout, cover) as binder:
                for result in found:
                    flac, cues = await self._fetched(batch, result, folder)
                    await run_to_end(binder.add, flac, cues)
                await run_to_end(binder.close)
        except SynthesisFailed as error:  # and would again
            raise BatchRefused([fault("part_damaged", error.message, None)]) from error
        return await self._finished(batch, binder, layout, cover)

    async def _finished(self, batch: BatchRecord, binder: Binder, layout: Layout, cover: Cover) -> Finished:
        name, form = _stem(cover.title), cover.format
        seconds = layout.end / SAMPLE_RATE
        card = self._card(batch, f"{name}.{form.extension}", form.essence)
        records = [await self._files.write(card, _read(binder.audio))]
        if cover.subtitles:
            extension, media_type = _SUBTITLE_TYPES.get(cover.subtitles, ("vtt", "text/vtt"))
            card = self._card(batch, f"{name}.{extension}", media_type)
            records.append(await self._files.write(card, _read(binder.subtitles)))
        chapters = [[each.title, round(each.start, 4), round(each.end, 4)] for each in layout.chapters]
        files = [_told(record, record.filename, seconds) for record in records]
        return Finished({"files": files, "chapters": chapters}, records, keeps_results=True)

    async def _fetched(self, batch: BatchRecord, result: dict[str, Any], folder: Path) -> tuple[Path | None, list[Any]]:
        """A part's audio as a file, in place of the last one, and its cues."""
        if not result["samples"]:
            return None, []
        spoken, timed = [await self._files.get(result[name], batch.tenant_id) for name in ("audio", "cues")]
        path = folder / "part.flac"
        with path.open("wb") as file:
            async for piece in self._files.read(spoken):
                await run_to_end(file.write, piece)
        return path, unpacked(b"".join([piece async for piece in self._files.read(timed)]))

    async def _delete(self, batch: BatchRecord, file_id: str) -> None:
        with contextlib.suppress(UnknownFile, StorageUnavailable, QueueUnavailable):
            await self._files.delete(await self._files.get(file_id, batch.tenant_id))

    async def _results(self, batch: BatchRecord) -> AsyncIterator[dict[str, Any]]:
        for first in range(0, batch.total, RESULTS_AT_ONCE):
            for result in await self._store.results(batch.id, first, min(RESULTS_AT_ONCE, batch.total - first)):
                yield msgpack.unpackb(result) if result else {}

    async def _titles(self, batch: BatchRecord) -> AsyncIterator[str | None]:
        for first in range(0, batch.total, RESULTS_AT_ONCE):
            for item in await self._store.items(batch.id, first, min(RESULTS_AT_ONCE, batch.total - first)):
                yield Piece(*msgpack.unpackb(item or b"")).title

    def _cover(self, batch: BatchRecord) -> Cover:
        asked = batch.request
        said = JobItem.of({**asked["speech"], "input": ""})
        return Cover(
            format=choose_format(said.response_format, said.sample_rate, said.bitrate, self._settings.sample_rate),
            sample_rate=SAMPLE_RATE,
            title=asked["title"],
            author=asked["author"],
            chapter_pause_s=asked["chapter_pause"],
            subtitles=None if asked["subtitles"] == "none" else SubtitleFormat(asked["subtitles"]),
        )

    def _desk(self, batch: BatchRecord) -> Desk:
        return Desk(self._settings, self._parts.fleet, self._parts.voices, owner_of(batch))

    def _card(self, batch: BatchRecord, name: str, content_type: str) -> FileCard:
        return FileCard(batch.tenant_id, JOB_OUTPUT, name, content_type, self._settings.file_ttl_s)


def _told(record: FileRecord, name: str, seconds: float) -> dict[str, Any]:
    return {
        "name": name,
        "file_id": record.id,
        "bytes": record.num_bytes,
        "content_type": record.content_type,
        "seconds": round(seconds, 3),
    }


def _stem(title: str | None) -> str:
    """A file name, without its ending, for a book."""
    allowed = "".join(char if char.isalnum() or char in " -_,.!'()" else "_" for char in title or "")
    return allowed.strip(" ._")[:80] or "book"


async def _once(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


async def _read(path: Path) -> AsyncGenerator[bytes, None]:
    with path.open("rb") as file:
        while piece := await run_to_end(file.read, 1024 * 1024):
            yield piece
