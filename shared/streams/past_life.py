"""What a queue that was stopped and started again still knows of requests that nobody waits for any more."""

from __future__ import annotations

from redis.asyncio import Redis

from shared.streams.keys import reaching_redis

OF_REQUESTS = (
    b"tts:jobs:",
    b"tts:wait:",
    b"tts:reply:",
    b"tts:tenant:",
    b"tts:promised:",
    b"tts:cancel:",
    b"tts:worker:",
    b"tts:running:",
    b"tts:cache:lead:",
    b"tts:idem:followed:",
    b"tts:pack",
    b"arq:in-progress:",
)
"""How the keys begin that are of requests under way and of who was at work, not of what became of them."""

AT_ONCE = 1000


async def forget_requests(redis: Redis) -> int:
    """Drop what is of requests under way; returns the number of keys. Only while no other process uses the queue.

    All of it would go by itself within its TTLs. Until then a worker that is long gone would count as one that lives,
    and jobs would be spoken to a gateway that is. Batches stay, and go on when their leases have lapsed. Raises
    QueueUnavailable.
    """
    async with reaching_redis():
        found = [key async for key in redis.scan_iter(count=AT_ONCE) if key.startswith(OF_REQUESTS)]
    for first in range(0, len(found), AT_ONCE):
        async with reaching_redis():
            await redis.unlink(*found[first : first + AT_ONCE])
    return len(found)
