"""What every test may use, and what no test may leave behind."""

import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from tests.support import leftovers, processes
from tests.support.valkey import SURVIVES_KILL, Valkey, long_lived

# No deadlines: how long one example takes says how busy the machine is. `make fuzz` picks the second by its name.
settings.register_profile("test", deadline=None)
settings.register_profile("fuzz", deadline=None, max_examples=20_000)
settings.load_profile("test")


@pytest.fixture(scope="session", autouse=True)
def _orphans_are_seen() -> None:
    processes.adopt_orphans()


@pytest.fixture(scope="session", autouse=True)
def _signals_end_what_is_started() -> None:
    """Also where the tests run behind nohup or in the background, which ignore some, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _no_child_process_is_left() -> Iterator[None]:
    yield
    left = leftovers.child_processes()
    assert not left, f"child processes are left: {left}"


@pytest.fixture(autouse=True)
async def _no_task_is_left() -> AsyncIterator[None]:
    yield
    left = leftovers.tasks()
    assert not left, f"tasks are left: {left}"


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """A server for the whole session, which no test kills or configures.

    Processes of other session fixtures may use it too, and a gateway sweeps it each second: tests for which that is too
    much company override this with a server of their own.
    """
    with long_lived() as server:
        yield server


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    """A server for one test alone, append-only, to be killed, paused, restarted and configured."""
    with Valkey(SURVIVES_KILL) as server:
        yield server


@pytest.fixture
async def redis_url(valkey: Valkey) -> AsyncIterator[str]:
    """The session's server, empty; at the end every key must have a TTL, but those that are bounded."""
    async with Redis.from_url(valkey.url) as client:
        await client.flushall()
        yield valkey.url
        immortal = await leftovers.immortal_keys(client)
        assert not immortal, f"keys without TTL: {immortal}"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client
