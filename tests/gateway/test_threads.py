import asyncio
import threading

import numpy as np
import pytest

from gateway.audio.encoder import StreamingEncoder
from gateway.audio.formats import FORMATS
from gateway.threads import run_to_end


async def test_the_result_and_the_failure_of_a_thread_are_those_of_the_call() -> None:
    assert await run_to_end(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await run_to_end(divmod, 7, 0)


async def test_a_cancellation_is_felt_once_the_thread_is_done_however_often_it_comes() -> None:
    started, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        may_end.wait()
        ended.set()

    task = asyncio.create_task(run_to_end(work))
    await asyncio.to_thread(started.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


@pytest.mark.parametrize("name", FORMATS)
async def test_an_encoder_survives_a_listener_who_leaves_in_the_middle_of_a_write(name: str) -> None:
    """libav's memory, freed under a thread that still encodes, takes the whole process with it."""

    async def encode_for_ever(writing: asyncio.Event) -> None:
        with StreamingEncoder(FORMATS[name], 24_000) as encoder:
            while True:
                writing.set()
                await run_to_end(encoder.write, np.zeros(24_000, np.int16))

    for _ in range(20):
        writing = asyncio.Event()
        task = asyncio.create_task(encode_for_ever(writing))
        await writing.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
