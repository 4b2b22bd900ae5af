"""Who is taken and who is told to come back: requests are refused before any work, by the wait that is predicted.

Whoever is refused gets a turn: Retry-After says when, behind all that were told before, as one server would serve them
one after the other (Redis keeps when the last of these is, for all gateways). For that to come true, those who have not
been refused yet leave room while turns are promised: they are taken up to a part of the limit only, and those who come
back up to the whole of it. Where nobody comes back, that part keeps the workers busy.
"""

from __future__ import annotations

import math

from gateway.fleet import Fleet
from shared.errors import MAX_RETRY_AFTER_S, Overloaded
from shared.streams import GatewayStreams

FRESH_SHARE = 0.6
"""Of the limit, for those who come for the first time while others have been promised turns."""

AIM_SHARE = 0.8
"""Of the limit: the wait that promised turns are to find, so that what was predicted a little wrong is not refused."""


class Admission:
    """``max_wait_s``: the longest that a new request's chunks may have to wait; infinity: all are taken."""

    def __init__(self, streams: GatewayStreams, fleet: Fleet, max_wait_s: float) -> None:
        self._streams = streams
        self._fleet = fleet
        self._max_wait_s = max_wait_s

    async def admit(
        self, tenant_id: str, request_id: str, *, num_starting: int, audio_s: float, is_returning: bool
    ) -> None:
        """Raise Overloaded, which knows when to come back, or QueueUnavailable.

        num_starting: requests taken that Redis does not know of yet. audio_s: about how much this one asks for.
        is_returning: whether it was refused before.
        """
        if math.isinf(self._max_wait_s):
            return
        lanes, promised_s = await self._streams.ahead(tenant_id, request_id)
        self._fleet.see_queue(lanes)
        wait_s = self._fleet.wait_s(lanes, num_starting)
        limit_s = self._max_wait_s if is_returning or not promised_s else FRESH_SHARE * self._max_wait_s
        if wait_s <= limit_s:
            return
        turn_s = wait_s - AIM_SHARE * self._max_wait_s
        if not is_returning:
            cost_s = audio_s / self._fleet.share_of(tenant_id)
            turn_s = await self._streams.promise(
                tenant_id, earliest_s=max(0.0, turn_s), cost_s=cost_s, most_s=MAX_RETRY_AFTER_S
            )
        raise Overloaded(
            f"Too much is queued: this would wait for about {wait_s:.0f} s, the limit is {limit_s:g} s.",
            retry_after_s=turn_s,
        )
