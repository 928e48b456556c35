"""Connects to the Redis or Valkey that gateway and worker share, to report its state."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from shared.network import redis_address
from shared.network.endpoints import Endpoint
from shared.network.redis_address import RedisAddress
from shared.redis import redis_connection, redis_health, sentinel_health, supported
from shared.redis.redis_connection import UNAVAILABLE
from shared.redis.sentinel_pool import SentinelPool
from shared.store.workers import WorkerRegistry

ANSWER_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What is known of a server that has answered."""

    name: str
    version: str
    place: str
    refusal: str | None
    """Why the server cannot be used, or None if it can."""
    shortcomings: list[str]


async def is_ready(address: RedisAddress) -> bool:
    """Returns whether the server answers and has loaded its data."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S), client(address):
            return True
    except UNAVAILABLE:
        return False


async def running_jobs(address: RedisAddress) -> int | None:
    """Returns the number of running jobs that workers last announced; None if Redis is not available."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S), client(address) as redis:
            return sum(worker.running for worker in await WorkerRegistry(redis).living())
    except UNAVAILABLE:
        return None


async def report(address: RedisAddress) -> StoreReport:
    """Returns the server's report. Raises an error of `UNAVAILABLE`."""
    async with asyncio.timeout(ANSWER_TIMEOUT_S), client(address) as redis:
        refusal = await supported.refusal(redis)
        if refusal is not None:
            return StoreReport("", "", place(address, redis), refusal=refusal, shortcomings=[])
        name, version = name_and_version(await redis.info("server"))
        found = [*await redis_health.shortcomings(redis), *await sentinel_health.shortcomings(address)]
        return StoreReport(name, version, place(address, redis), refusal=None, shortcomings=found)


def place(address: RedisAddress, redis: Redis) -> str:
    """Returns where the server is, without secrets; with Sentinel also which server is the primary."""
    pool = redis.connection_pool
    if isinstance(pool, SentinelPool) and pool.master_address is not None:
        return f"{address.name}, primary {redis_address.place(Endpoint(*pool.master_address))}"
    return address.name


def name_and_version(info: Mapping[str, Any]) -> tuple[str, str]:
    """Returns a server's name and version, from its answer to INFO."""
    name = str(info.get("server_name", "redis"))
    return name.capitalize(), str(info.get(f"{name}_version") or info.get("redis_version"))


@asynccontextmanager
async def client(address: RedisAddress) -> AsyncIterator[Redis]:
    """Yields a client of a server that has answered. Raises an error of `UNAVAILABLE`."""
    redis = redis_connection.gateway_client(address, max_connections=1)
    try:
        await redis.ping()
        yield redis
    finally:
        await redis.aclose(close_connection_pool=True)
