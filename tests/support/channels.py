"""What was published on a channel, without waiting for what never comes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

MARK = b"nothing comes before this any more"
MESSAGE_TIMEOUT_S = 20.0


@asynccontextmanager
async def recorded(redis: Redis, channel: str) -> AsyncIterator[Callable[[], Awaitable[list[str]]]]:
    """Subscribes; what is yielded gives the messages since the last call."""
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(channel)
        await _next(pubsub)

        async def messages() -> list[str]:
            await redis.publish(channel, MARK)
            found = []
            while (message := await _next(pubsub)) != MARK:
                found.append(message.decode())
            return found

        yield messages


async def _next(pubsub: PubSub) -> bytes:
    message = await pubsub.get_message(timeout=MESSAGE_TIMEOUT_S)
    assert message is not None, "no message"
    data = message["data"]
    return data if isinstance(data, bytes) else b""
