"""Clients of a service that Sentinel watches, while its primary is ended in every way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.network import redis_address
from shared.network.redis_address import RedisAddress
from shared.redis.redis_connection import UNAVAILABLE, gateway_client, worker_pool
from shared.redis.sentinel_watch import SentinelWatch
from tests.support.sentinel import cluster
from tests.support.sentinel.cluster import SentinelCluster
from tests.support.sentinel.member import Member
from tests.support.sentinel.plan import Account, Plan
from tests.support.waiting import wait_until

ANSWERED_AGAIN_S = 15.0
"""Which the product promises after the death of a primary."""
BLOCKS_S = 60
"""Longer than any test waits: only a closed connection ends such a wait."""

LOOP_S = 0.1

End = Callable[[SentinelCluster], Awaitable[Member]]


@asynccontextmanager
async def watched(address: RedisAddress) -> AsyncIterator[tuple[Redis, Redis, SentinelWatch]]:
    """A gateway's and a worker's client with the watch of a process."""
    gateway, worker = gateway_client(address), Redis.from_pool(worker_pool(address, timeout_s=BLOCKS_S))
    watch = SentinelWatch(address, [gateway.connection_pool, worker.connection_pool])
    async with gateway, worker, asyncio.TaskGroup() as group:
        task = group.create_task(watch.run(), name="watch")
        yield gateway, worker, watch
        task.cancel()


async def answers(redis: Redis) -> bool:
    with suppress(*UNAVAILABLE):
        async with asyncio.timeout(ANSWERED_AGAIN_S):
            return bool(await redis.set("after", "1", ex=60))
    return False


@pytest.mark.parametrize(
    "end",
    [
        SentinelCluster.kill_primary,
        SentinelCluster.pause_primary,
        SentinelCluster.cut_primary,
        SentinelCluster.failover,
    ],
    ids=["killed", "stopped", "cut off", "demoted"],
)
async def test_calls_blocking_pops_and_subscriptions_come_back(end: End) -> None:
    plan = Plan(account=Account("p@ss", user="jobs"), sentinel_account=Account("other"), relayed=True)
    async with cluster.running(plan) as running:
        address = redis_address.parse(running.url, sentinel_password="other")
        async with watched(address) as (gateway, worker, watch), asyncio.TaskGroup() as group:
            await gateway.set("before", "1", ex=60)
            popping = group.create_task(pop(worker), name="pop")
            hearing = group.create_task(hear(gateway), name="hear")
            await wait_until(partial(is_blocked, await running.primary()))
            await wait_until(partial(is_subscribed, await running.primary()))

            old = await end(running)
            async with asyncio.timeout(ANSWERED_AGAIN_S):
                for redis in (gateway, worker):
                    await wait_until(partial(answers, redis), timeout_s=ANSWERED_AGAIN_S)
                new = await running.switched(old)
                assert await gateway.get("before") == b"1"
                await wait_until(partial(is_blocked, new), timeout_s=ANSWERED_AGAIN_S)
                await wait_until(partial(is_subscribed, new), timeout_s=ANSWERED_AGAIN_S)
                await new.ask("RPUSH", "list", "job")
                await new.ask("PUBLISH", "channel", "notice")
                assert await popping == [b"list", [b"job"]]
                assert await hearing == b"notice"
            assert watch.replicas.expected


async def pop(redis: Redis) -> Any:
    """Asks again after each error, as the loops of the product do."""
    while True:
        with suppress(*UNAVAILABLE):
            return await redis.execute_command("BLMPOP", BLOCKS_S, 1, "list", "LEFT")  # type: ignore[no-untyped-call]
        await asyncio.sleep(LOOP_S)


async def hear(redis: Redis) -> Any:
    while True:
        with suppress(*UNAVAILABLE):
            async with redis.pubsub() as pubsub:
                await pubsub.subscribe("channel")
                while True:
                    message = await pubsub.get_message(timeout=BLOCKS_S)
                    if message and message["type"] == "message":
                        return message["data"]
        await asyncio.sleep(LOOP_S)


async def is_blocked(member: Member) -> bool:
    return "cmd=blmpop" in await member.ask("CLIENT", "LIST")


async def is_subscribed(member: Member) -> bool:
    """Sentinels have subscriptions too, to channels of their own."""
    _, subscribers = await member.ask("PUBSUB", "NUMSUB", "channel")
    return int(subscribers) == 1
