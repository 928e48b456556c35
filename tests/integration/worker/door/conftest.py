from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support import door as doors
from tests.support import processes
from worker.door.client.client import Door


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door() -> AsyncIterator[Door]:
    """A door for all tests of a module, which none of them ends."""
    async with doors.running() as running:
        processes.long_lived.add(running.pid)
        yield running
        processes.long_lived.discard(running.pid)
