"""A worker's door, as a process of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from worker import loopback
from worker.door.client.client import Door
from worker.egress.dialer import Dialer


@asynccontextmanager
async def running(dialer: Dialer) -> AsyncIterator[Door]:
    """Ends the door with the block."""
    door = await Door.start(loopback.listener(), dialer)
    try:
        yield door
    finally:
        await door.close()
