"""Speech from another service, by the fleet's queue alone. Needs arq and msgpack; REDIS_URL is the fleet's."""

import asyncio
import os

import msgpack
from arq import create_pool
from arq.connections import RedisSettings


async def main() -> None:
    settings = RedisSettings.from_dsn(os.environ["REDIS_URL"])
    queue = await create_pool(settings, job_serializer=msgpack.packb, job_deserializer=msgpack.unpackb)
    job = await queue.enqueue_job("synthesize_speech", {"input": "Hello from another service!", "voice": "af_heart"})
    print(await job.result(timeout=120))
    await queue.aclose()


asyncio.run(main())
