"""The outbox: answers at once, contexts in turns, and no more of them in memory than one event each."""

from __future__ import annotations

import asyncio

import pytest

from gateway.sessions.events import Event
from gateway.sessions.outbox import MAX_ANSWERS, Outbox


async def speak(outbox: Outbox[str], name: str, count: int, made: list[str]) -> None:
    for number in range(count):
        made.append(name)
        await outbox.offer(name, Event(name, number))


async def until_idle() -> None:
    """All tasks that can go on have."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_contexts_take_turns_however_much_one_has() -> None:
    outbox: Outbox[str] = Outbox()
    made: list[str] = []
    many = asyncio.create_task(speak(outbox, "many", 100, made))
    await until_idle()
    few = asyncio.create_task(speak(outbox, "few", 3, made))
    taken = []
    for _ in range(6):
        await until_idle()
        event = await outbox.take()
        assert isinstance(event, Event)
        taken.append(event.context_id)
    assert taken == ["many", "few"] * 3
    many.cancel()
    await asyncio.gather(many, few, return_exceptions=True)


async def test_without_a_reader_nothing_is_made() -> None:
    outbox: Outbox[str] = Outbox()
    made: list[str] = []
    speaking = [asyncio.create_task(speak(outbox, name, 10, made)) for name in "abc"]
    await until_idle()
    assert made == ["a", "b", "c"]
    for task in speaking:
        task.cancel()
    await asyncio.gather(*speaking, return_exceptions=True)


async def test_answers_come_first() -> None:
    outbox: Outbox[str] = Outbox()
    speaking = asyncio.create_task(speak(outbox, "a", 1, []))
    await until_idle()
    outbox.answer("pong")
    assert await outbox.take() == "pong"
    assert await outbox.take() == Event("a", 0)
    await speaking


@pytest.mark.parametrize("is_told", [True, False])
async def test_what_is_withdrawn_or_cancelled_is_not_sent(*, is_told: bool) -> None:
    outbox: Outbox[str] = Outbox()
    speaking = asyncio.create_task(speak(outbox, "a", 2, []))
    await until_idle()
    if is_told:
        outbox.withdraw("a")
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)
    outbox.close()
    assert await outbox.take() is None


async def test_a_closed_outbox_is_emptied_first() -> None:
    outbox: Outbox[str] = Outbox()
    outbox.answer("last words")
    outbox.close()
    assert [await outbox.take(), await outbox.take()] == ["last words", None]


async def test_whoever_reads_no_answers_has_no_room_for_more() -> None:
    outbox: Outbox[str] = Outbox()
    for _ in range(MAX_ANSWERS):
        await outbox.room()
        outbox.answer("pong")
    waiting = asyncio.create_task(outbox.room())
    await until_idle()
    assert not waiting.done()
    await outbox.take()
    await waiting


async def test_who_offers_is_told_of_before_the_reader_has_it() -> None:
    told = []
    outbox: Outbox[str] = Outbox(lambda sender, event: told.append((sender, event)))
    speaking = asyncio.create_task(speak(outbox, "a", 1, []))
    event = await outbox.take()
    assert told == [("a", event)]
    await speaking
