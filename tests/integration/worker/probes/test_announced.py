"""The health check of a worker's container."""

from redis.asyncio import Redis

from shared.network import redis_address
from shared.store.workers import Announcement, WorkerRegistry
from tests.support.product import free_port
from worker.probes import announced


async def announce(redis_url: str, worker_id: str) -> None:
    announcement = Announcement(
        worker_id=worker_id, tools={"kubectl": "1.37"}, slots={"fast": 1}, running=0, sandbox="none"
    )
    async with Redis.from_url(redis_url) as redis:
        await WorkerRegistry(redis).announce(announcement)


async def test_announced_worker_is_well(redis_url: str) -> None:
    await announce(redis_url, "my-host-0a1b2c3d")

    assert await announced.shortcoming(redis_address.parse(redis_url), "my-host") is None


async def test_worker_of_another_host_does_not_count(redis_url: str) -> None:
    await announce(redis_url, "my-host-two-0a1b2c3d")

    assert await announced.shortcoming(redis_address.parse(redis_url), "my-host") == "no worker on my-host is announced"


async def test_worker_without_redis_is_not_well() -> None:
    reason = await announced.shortcoming(redis_address.parse(f"redis://127.0.0.1:{free_port()}/0"), "my-host")

    assert reason is not None
    assert reason.startswith("Redis cannot be used")
