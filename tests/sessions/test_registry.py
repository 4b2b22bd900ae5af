"""How many conversations there may be, and how they end with their gateway; with no pipeline, as nothing is spoken."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from gateway.pipeline import Pipeline, Utterance
from gateway.sessions import Failed, LeavingSoon, Session, SessionLimits, Sessions, TooManySessions
from gateway.sessions.context import ContextLimits
from gateway.text.incremental import IncrementalText
from gateway.text.languages import Language
from shared.errors import Draining

LIMITS = SessionLimits(2, ContextLimits(100, 100, 60.0, 60.0, 10.0))
UNUSED = cast("Pipeline", None)


async def never(request_id: str, text: str) -> Utterance:
    raise AssertionError("nothing was said")


async def test_no_more_than_so_many() -> None:
    sessions = Sessions(1)
    with sessions.entered(Session(UNUSED, LIMITS)), pytest.raises(TooManySessions):
        sessions.entered(Session(UNUSED, LIMITS)).__enter__()
    with sessions.entered(Session(UNUSED, LIMITS)):
        assert len(sessions) == 1


async def test_draining_ends_idle_sessions_at_once_and_the_others_at_last() -> None:
    sessions = Sessions(5)
    idle, busy = Session(UNUSED, LIMITS), Session(UNUSED, LIMITS)
    busy.open("a", "tag", never, IncrementalText(Language.EN_US))

    async def hold(session: Session) -> list[object]:
        events = []
        with sessions.entered(session):
            while (event := await session.take()) is not None:
                events.append(event)
        await session.close()
        return events

    holding = [asyncio.create_task(hold(session)) for session in (idle, busy)]
    await asyncio.sleep(0)
    await sessions.drain(0.05)
    heard_idle, heard_busy = await asyncio.gather(*holding)
    assert heard_idle == [LeavingSoon(0.05)]
    assert heard_busy[0] == LeavingSoon(0.05)
    assert isinstance(failed := heard_busy[1], Failed)
    assert (failed.context_id, failed.tag, failed.error.code) == ("a", "tag", "draining")
    with pytest.raises(Draining):
        sessions.entered(idle).__enter__()
