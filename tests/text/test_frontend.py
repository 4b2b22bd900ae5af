"""The frontend over its real pool of processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator

import psutil
import pytest

from gateway.text.aligned import AlignedText, Said
from gateway.text.chunker import Chunk, ChunkLimits
from gateway.text.core import chunk_text
from gateway.text.errors import FrontendUnavailable, NothingToSpeak, UnspeakableCharacters
from gateway.text.frontend import Passage, TextFrontend
from gateway.text.g2p import G2P
from gateway.text.languages import Language
from gateway.text.normalization import NormalizationOptions
from gateway.text.pool import ProcessPool
from gateway.text.process import process_id
from gateway.text.reading import Reading
from gateway.text.segments import Pause, Script, Speech, Style
from tests.text.test_core import prose

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = prose(30_000, seed=3)


def script_of(text: str, language: Language = Language.EN_US) -> Script:
    style = Style((("af_heart", 1.0),), language)
    return Script((Speech(AlignedText.of(text), style),) if text.strip() else ())


async def chunks_of(
    frontend: TextFrontend, text: str, language: Language = Language.EN_US
) -> AsyncGenerator[Chunk, None]:
    async with contextlib.aclosing(frontend.parts(script_of(text, language), Reading())) as parts:
        async for part in parts:
            assert isinstance(part, Passage)
            yield part.chunk


async def collect(frontend: TextFrontend, text: str, language: Language = Language.EN_US) -> list[Chunk]:
    return [chunk async for chunk in chunks_of(frontend, text, language)]


async def process_ids(frontend: TextFrontend) -> set[int]:
    """Of the processes that work: as many questions at once as make each of them answer."""
    return set(await asyncio.gather(*(frontend._pool.run(process_id) for _ in range(20))))


async def test_same_chunks_as_in_this_process(frontend: TextFrontend, english: G2P) -> None:
    text = LONG[:20_000]

    assert await collect(frontend, text) == list(chunk_text(text, english))


async def test_languages_differ(frontend: TextFrontend) -> None:
    american, british = await asyncio.gather(
        collect(frontend, "A tomato.", Language.EN_US), collect(frontend, "A tomato.", Language.EN_GB)
    )

    assert (american[0].phonemes, british[0].phonemes) == ("ɐ təmˈATO.", "ɐ təmˈɑːtQ.")


async def test_first_chunk_waits_for_no_more_than_a_section(frontend: TextFrontend) -> None:
    started = time.perf_counter()
    async with contextlib.aclosing(chunks_of(frontend, LONG * 6, Language.EN_US)) as chunks:
        first = await anext(chunks)

    assert time.perf_counter() - started < 1
    assert first.char_start == 0


async def test_works_ahead_by_one_section_only(frontend: TextFrontend) -> None:
    async with contextlib.aclosing(chunks_of(frontend, LONG, Language.EN_US)) as chunks:
        await anext(chunks)
        started = time.perf_counter()
        assert await frontend._pool.run(process_id)  # answered in turn, after all that is waiting

    assert time.perf_counter() - started < 1


async def test_closing_early_cancels_the_section_ahead(frontend: TextFrontend) -> None:
    before = asyncio.all_tasks()
    chunks = chunks_of(frontend, LONG, Language.EN_US)
    await anext(chunks)
    (ahead,) = asyncio.all_tasks() - before
    await chunks.aclose()
    await asyncio.wait([ahead])

    assert ahead.cancelled()


async def test_a_new_request_goes_before_the_rest_of_long_ones(frontend: TextFrontend) -> None:
    readers = [asyncio.create_task(collect(frontend, LONG)) for _ in range(6)]
    await asyncio.sleep(0)
    started = time.perf_counter()
    await collect(frontend, "A short one.")
    waited = time.perf_counter() - started
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)

    assert waited < 1.5


async def test_many_requests_at_once_each_get_their_own(frontend: TextFrontend) -> None:
    texts = [f"This is request number {number}. It is not another one." for number in range(40)]
    answers = await asyncio.gather(*(collect(frontend, text) for text in texts))

    assert [chunks[-1].char_end for chunks in answers] == [len(text) for text in texts]
    assert len({chunks[0].phonemes for chunks in answers}) == len(texts)


@pytest.mark.parametrize("text", ["", "   ", "😀👍", "..." * 2_000])
async def test_nothing_to_speak_is_known_before_any_chunk(text: str, frontend: TextFrontend) -> None:
    with pytest.raises(NothingToSpeak):
        await anext(chunks_of(frontend, text, Language.EN_US))


async def test_unspeakable_characters_at_the_end_are_known_before_any_chunk(frontend: TextFrontend) -> None:
    text = LONG + " สวัสดี"

    with pytest.raises(UnspeakableCharacters) as raised:
        await anext(chunks_of(frontend, text, Language.EN_US))

    assert (raised.value.char_start, raised.value.char_end) == (len(text) - 6, len(text))


async def test_an_error_in_a_process_arrives_whole(frontend: TextFrontend) -> None:
    text = "A letter that passes for speakable, and is not: ꣶ."

    with pytest.raises(UnspeakableCharacters, match="cannot be spoken") as raised:
        await collect(frontend, text)

    assert (raised.value.char_start, raised.value.param) == (text.index("ꣶ"), "input")


async def test_killed_processes_are_replaced_and_no_chunk_is_lost(frontend: TextFrontend, english: G2P) -> None:
    text = LONG[:30_000]
    received: list[Chunk] = []
    killed: set[int] = set()
    async for chunk in chunks_of(frontend, text, Language.EN_US):
        received.append(chunk)
        if len(received) in {1, 20}:
            for pid in await process_ids(frontend):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)

    assert received == list(chunk_text(text, english))
    assert not killed & await process_ids(frontend)


async def test_a_task_that_kills_its_process_every_time_is_given_up(frontend: TextFrontend) -> None:
    with pytest.raises(FrontendUnavailable, match="2 times"):
        await frontend._pool.run(os._exit, 1)

    assert await collect(frontend, "The others go on.")


async def test_closed_pool_stops_its_processes_and_refuses_work() -> None:
    pool = ProcessPool(1)
    await pool.start()
    pid = await pool.run(process_id)
    await pool.close()

    assert not psutil.pid_exists(pid)
    with pytest.raises(FrontendUnavailable, match="closed"):
        await pool.run(process_id)


async def test_a_pool_that_may_rest_has_processes_while_there_is_work() -> None:
    pool = ProcessPool(1, idle_s=0.3)
    pid, _ = await asyncio.gather(pool.run(process_id), pool.run(time.sleep, 1))
    assert await pool.run(process_id) == pid
    async with asyncio.timeout(20):
        while psutil.pid_exists(pid):
            await asyncio.sleep(0.02)
    assert await pool.run(process_id) != pid
    await pool.close()


async def test_gateway_process_loads_no_linguistics() -> None:
    """The frontend's own process only sends text and receives chunks."""
    code = (
        "import sys, gateway.text.frontend as frontend\n"
        "print([name for name in ('misaki', 'spacy', 'numpy', 'torch') if name in sys.modules])"
    )
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    output, _ = await child.communicate()

    assert output.decode().strip() == "[]"


def styled(text: str, char_start: int, style: Style) -> Speech:
    return Speech(AlignedText.of(text, char_start), style)


async def test_pauses_and_styles_come_in_their_places(frontend: TextFrontend) -> None:
    heart, sky = (Style(((voice, 1.0),), Language.EN_US) for voice in ("af_heart", "af_sky"))
    pauses = [Pause(seconds, 0, 0) for seconds in (1, 2, 3, 4)]
    hello, there, so = styled("Hello ", 0, heart), styled("there.", 6, sky), styled("So.", 12, heart)
    script = Script((pauses[0], hello, pauses[1], pauses[2], there, so, pauses[3]))
    parts = [part async for part in frontend.parts(script, Reading())]

    assert [part if isinstance(part, Pause) else (part.chunk.char_start, part.style) for part in parts] == [
        *(pauses[0], (0, heart), pauses[1], pauses[2], (6, sky), (12, heart), pauses[3]),
    ]


async def test_silence_that_was_asked_for_is_enough(frontend: TextFrontend) -> None:
    pause = Pause(1, 0, 10)

    assert [part async for part in frontend.parts(Script((pause,)), Reading())] == [pause]


async def test_what_is_said_as_told_arrives(frontend: TextFrontend) -> None:
    text = AlignedText.of("Tell Kokoro.")
    told = text.slice(5, 11).as_object(Said("Kokoro", phonemes="kˈOkəɹO"))
    whole = AlignedText.join([text.slice(0, 5), told, text.slice(11, 12)])
    script = Script((Speech(whole, Style((("af_sky", 1.0),), Language.EN_US)),))
    (part,) = [part async for part in frontend.parts(script, Reading())]

    assert isinstance(part, Passage)
    assert part.chunk.phonemes == "tˈɛl kˈOkəɹO."
    assert [(word.text, word.char_start, word.char_end) for word in part.chunk.words] == [
        *(("Tell", 0, 4), ("Kokoro", 5, 11), (".", 11, 12)),
    ]


async def test_a_block_of_code_is_left_out_however_long_it_is(frontend: TextFrontend) -> None:
    text = "Run this:\n\n```\n" + "print('hello')\n\n" * 400 + "```\n\nThat is all."
    style = Style((("af_sky", 1.0),), Language.EN_US)
    reading = Reading(NormalizationOptions(read_code=False))
    parts = [part async for part in frontend.parts(Script((Speech(AlignedText.of(text), style),)), reading)]
    said = [word.text for part in parts if isinstance(part, Passage) for word in part.chunk.words]

    assert [word for word in said if word.isalpha()] == "Run this That is all".split()


async def test_limits_reach_the_chunker() -> None:
    limits = ChunkLimits(first_max_tokens=40, target_min_tokens=40, target_max_tokens=60, absolute_max_tokens=120)
    async with TextFrontend(limits, processes=1) as small:
        sizes = [len(chunk.token_ids) for chunk in await collect(small, LONG[:3_000])]

    assert max(sizes) <= 120
    assert sum(sizes) / len(sizes) <= 70


async def test_fork_server_that_died_is_replaced(frontend: TextFrontend) -> None:
    (pid, *_) = await process_ids(frontend)
    fork_server = psutil.Process(pid).parent()
    assert fork_server is not None
    fork_server.kill()
    os.kill(pid, signal.SIGKILL)

    assert await collect(frontend, "It still speaks.")
