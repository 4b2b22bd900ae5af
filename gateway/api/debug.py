"""What an operator may want to see of this process, its machine and the fleet. Nothing here shows what is spoken."""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from fastapi import APIRouter, Request

from gateway.chunk_cache import ChunkCache
from gateway.downloads import DownloadStore
from gateway.fleet import Fleet
from gateway.idempotency import Idempotency
from shared.streams.operator import DeadJob, OperatorStreams

router = APIRouter(prefix="/debug", tags=["debug"])

MAX_DEAD_JOBS = 100
"""Shown, the newest first."""


@router.get("/system")
async def show_system() -> dict[str, Any]:
    """This gateway's machine and process; the workers' are in /debug/session_pools."""
    return await asyncio.to_thread(_system)


@router.get("/threads")
async def show_threads() -> dict[str, Any]:
    """Threads and asyncio tasks with the place in the code that each is at."""
    frames = sys._current_frames()  # noqa: SLF001 - documented, for debugging
    threads = [
        {"name": thread.name, "id": thread.ident, "is_daemon": thread.daemon, "stack": _stack(frames.get(ident))}
        for thread in threading.enumerate()
        if (ident := thread.ident) is not None
    ]
    tasks = [{"name": task.get_name(), "stack": [_place(frame) for frame in task.get_stack()]} for task in _tasks()]
    return {"threads": threads, "tasks": tasks}


@router.get("/storage")
async def show_storage(request: Request) -> dict[str, Any]:
    """The folder of downloads, and the disk it is on."""
    store: DownloadStore = request.app.state.downloads
    return await asyncio.to_thread(_storage, store)


@router.get("/session_pools")
async def show_workers(request: Request) -> dict[str, Any]:
    """The live workers: each has one engine, with one model loaded."""
    fleet: Fleet = request.app.state.fleet
    workers = [asdict(worker) | {"voices": len(worker.voices)} for worker in fleet.workers]
    return {"workers": workers, "capacity": fleet.capacity}


@router.get("/cache")
async def show_cache(request: Request) -> dict[str, Any]:
    """What the chunk cache and the idempotency keys have saved, since this gateway's start."""
    cache: ChunkCache = request.app.state.chunk_cache
    idempotency: Idempotency = request.app.state.idempotency
    return {"chunks": asdict(cache.counters), "keyed_requests": asdict(idempotency.counters)}


@router.get("/queue")
async def show_queue(request: Request) -> dict[str, Any]:
    """What waits in each lane, who has claimed what, and which jobs were given up."""
    operator: OperatorStreams = request.app.state.operator
    dead = await operator.dead(MAX_DEAD_JOBS)
    return {"lanes": [asdict(lane) for lane in await operator.lanes()], "dead": [_grave(job) for job in dead]}


def _system() -> dict[str, Any]:
    process, memory = psutil.Process(), psutil.virtual_memory()
    with process.oneshot():
        of_process = {
            "pid": process.pid,
            "memory_bytes": process.memory_info().rss,
            "cpu_s": sum(process.cpu_times()[:2]),
            "num_threads": process.num_threads(),
            "num_children": len(process.children()),
            "started_at": process.create_time(),
        }
    return {
        "process": of_process,
        "cpu": {"num_cores": psutil.cpu_count(), "load": psutil.getloadavg()},
        "memory": {"total_bytes": memory.total, "available_bytes": memory.available},
    }


def _storage(store: DownloadStore) -> dict[str, Any]:
    existing = next(folder for folder in (store.folder, *store.folder.absolute().parents) if folder.exists())
    disk = shutil.disk_usage(existing)
    return {
        "folder": str(store.folder),
        **store.count()._asdict(),
        "disk": {"total_bytes": disk.total, "free_bytes": disk.free},
    }


def _grave(dead: DeadJob) -> dict[str, Any]:
    """Without the tokens: they are what was to be spoken."""
    request_id = dead.job.request_id if dead.job else None
    fields = {"id": dead.id, "age_s": dead.age_s, "lane": dead.lane, "code": dead.code, "reason": dead.reason}
    return fields | {"request_id": request_id}


def _tasks() -> list[asyncio.Task[Any]]:
    return sorted(asyncio.all_tasks(), key=lambda task: task.get_name())


def _stack(frame: FrameType | None) -> list[str]:
    places = []
    while frame is not None:
        places.append(_place(frame))
        frame = frame.f_back
    return places


def _place(frame: FrameType) -> str:
    """Where a frame is; never what its variables hold."""
    code = frame.f_code
    return f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_qualname}"
