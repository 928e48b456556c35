"""A worker that announces itself as long as it can open what gateways seal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.sealing.fernet_keys import MasterKeys
from shared.store import key_names
from shared.store.key_mark import KeyMark
from shared.store.workers import Announcement, WorkerRegistry
from tests.support.waiting import wait_until
from worker import announcer as module
from worker.announcer import Announcer

MASTER_KEYS = MasterKeys([MasterKeys.generate()])
WORKER = Announcement(worker_id="w", tools={"kubectl": "1.34"}, slots={"fast": 1}, running=0, sandbox="none")
BEATS = 5
MARK_S = 60


class CountingRedis(Redis):
    """Counts the commands that are sent."""

    sent = 0

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:
        self.sent += 1
        return await super().execute_command(*arguments, **options)  # type: ignore[no-untyped-call]  # redis-py leaves it so


@pytest.fixture
async def counting(redis_url: str) -> AsyncIterator[CountingRedis]:
    async with CountingRedis.from_url(redis_url) as client:
        yield client


@asynccontextmanager
async def running(redis: Redis) -> AsyncIterator[Announcer]:
    announcer = Announcer(WorkerRegistry(redis), lambda: WORKER, KeyMark(redis, MASTER_KEYS))
    task = asyncio.create_task(announcer.run(), name="announce")
    try:
        yield announcer
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANNOUNCEMENT_INTERVAL_S", 0)


async def test_worker_is_announced_until_it_stops(redis: Redis) -> None:
    async with running(redis) as announcer:
        await announcer.announced.wait()

        assert await WorkerRegistry(redis).living() == [WORKER]
        while_running = announcer.is_announced

    assert (while_running, announcer.is_announced) == (True, False)
    assert await WorkerRegistry(redis).living() == []


@pytest.mark.usefixtures("quick")
async def test_each_beat_is_one_command(counting: CountingRedis) -> None:
    """The announcement brings the gateways' mark back, so nothing reads it besides."""
    beats, sent = 0, [0, 0]

    class Registry(WorkerRegistry):
        async def announce(self, announcement: Announcement) -> bytes | None:
            nonlocal beats
            mark = await super().announce(announcement)
            beats += 1
            if beats in (1, 1 + BEATS):
                sent[beats > 1] = counting.sent
            return mark

    announcer = Announcer(Registry(counting), lambda: WORKER, KeyMark(counting, MASTER_KEYS))
    task = asyncio.create_task(announcer.run(), name="announce")
    await wait_until(lambda: beats > BEATS)
    task.cancel()
    await asyncio.wait({task})

    assert sent[1] - sent[0] == BEATS


@pytest.mark.usefixtures("quick")
async def test_worker_whose_keys_do_not_open_the_mark_is_withdrawn_until_they_do(redis: Redis) -> None:
    others = MasterKeys([MasterKeys.generate()])
    async with running(redis) as announcer:
        await announcer.announced.wait()

        await redis.set(key_names.KEY_MARK, others.seal_mark(), ex=MARK_S)
        await wait_until(lambda: not announcer.is_announced)
        await wait_until(lambda: _is_living(redis, is_living=False))

        await redis.set(key_names.KEY_MARK, MASTER_KEYS.seal_mark(), ex=MARK_S)
        await wait_until(lambda: _is_living(redis, is_living=True))


async def test_worker_whose_keys_do_not_open_the_mark_is_not_announced_first(redis: Redis) -> None:
    await redis.set(key_names.KEY_MARK, MasterKeys([MasterKeys.generate()]).seal_mark(), ex=MARK_S)
    mark = KeyMark(redis, MASTER_KEYS)
    announcer = Announcer(WorkerRegistry(redis), lambda: WORKER, mark)

    await announcer._announce()

    assert not mark.opens
    assert await redis.exists(key_names.WORKER + WORKER.worker_id, key_names.WORKERS) == 0


async def _is_living(redis: Redis, *, is_living: bool) -> bool:
    return bool(await WorkerRegistry(redis).living()) is is_living
