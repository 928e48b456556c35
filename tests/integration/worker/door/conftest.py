from collections.abc import AsyncIterator

import pytest

from tests.support import door as doors
from worker.door.client.client import Door


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with doors.running() as running:
        yield running
