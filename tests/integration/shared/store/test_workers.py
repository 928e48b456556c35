from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from shared.store import key_names
from shared.store.workers import ANNOUNCEMENT_LIFETIME_MS, Announcement, WorkerRegistry


def announcement(worker_id: str, *tools: str, running: int = 0) -> Announcement:
    return Announcement(
        worker_id=worker_id,
        tools=dict.fromkeys(tools, "1.0"),
        slots={"fast": 8, "slow": 8},
        running=running,
        sandbox="landlock-6",
    )


@dataclass(frozen=True, slots=True)
class Registry:
    redis: Redis
    workers: WorkerRegistry

    async def let_announcement_end(self, worker: Announcement) -> None:
        """As if the worker had been silent for longer than its announcement lives."""
        await self.redis.delete(key_names.WORKER + worker.worker_id)
        await self.redis.zadd(key_names.WORKERS, {" ".join((worker.worker_id, *worker.tools)): 1})


@pytest.fixture
def registry(redis: Redis) -> Registry:
    return Registry(redis, WorkerRegistry(redis))


async def test_nobody_has_announced_anything(registry: Registry) -> None:
    assert await registry.workers.living() == []
    assert await registry.workers.served() == set()


async def test_announced_workers_are_found_with_their_tools(registry: Registry) -> None:
    both, helm_only = announcement("a", "kubectl", "helm"), announcement("b", "helm")
    for worker in (helm_only, both):
        await registry.workers.announce(worker)

    assert await registry.workers.living() == [both, helm_only]


async def test_newer_announcement_replaces_the_older(registry: Registry) -> None:
    await registry.workers.announce(announcement("a", "kubectl", running=0))
    busy = announcement("a", "kubectl", running=3)

    await registry.workers.announce(busy)

    assert await registry.workers.living() == [busy]


async def test_withdrawn_worker_is_gone_at_once(registry: Registry) -> None:
    leaving, staying = announcement("a", "kubectl"), announcement("b", "kubectl")
    for worker in (leaving, staying):
        await registry.workers.announce(worker)

    await registry.workers.withdraw(leaving)

    assert await registry.workers.living() == [staying]
    assert await registry.redis.exists(key_names.WORKER + "a") == 0


async def test_worker_that_was_never_announced_is_not_remembered(registry: Registry) -> None:
    await registry.workers.withdraw(announcement("a", "kubectl"))

    assert await registry.redis.exists(key_names.WORKERS) == 0


async def test_silent_worker_is_not_living_and_makes_room(registry: Registry) -> None:
    silent, alive = announcement("a", "kubectl"), announcement("b", "kubectl")
    await registry.workers.announce(silent)
    await registry.let_announcement_end(silent)

    await registry.workers.announce(alive)

    assert await registry.workers.living() == [alive]
    assert await registry.redis.zrange(key_names.WORKERS, 0, -1) == [b"b kubectl"]


async def test_worker_whose_index_entry_ended_is_not_living(registry: Registry) -> None:
    await registry.workers.announce(announcement("a", "kubectl"))
    await registry.redis.zadd(key_names.WORKERS, {"a kubectl": 1})

    assert await registry.workers.living() == []


async def test_served_tools_are_those_of_workers_that_live_now(registry: Registry) -> None:
    silent, alive = announcement("a", "argocd", "helm"), announcement("b", "helm", "kubectl")
    for worker in (silent, alive):
        await registry.workers.announce(worker)
    await registry.let_announcement_end(silent)

    assert await registry.workers.served() == {"helm", "kubectl"}


async def test_announcement_brings_the_gateways_key_mark_back(registry: Registry) -> None:
    worker = announcement("a", "kubectl")
    assert await registry.workers.announce(worker) is None

    await registry.redis.set(key_names.KEY_MARK, "sealed", ex=60)

    assert await registry.workers.announce(worker) == b"sealed"


async def test_announcement_ends_by_itself(registry: Registry) -> None:
    await registry.workers.announce(announcement("a", "kubectl"))

    assert 0 < await registry.redis.pttl(key_names.WORKER + "a") <= ANNOUNCEMENT_LIFETIME_MS
