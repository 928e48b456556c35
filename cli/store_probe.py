"""Asks the Redis or Valkey that gateway and worker share, from outside of both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from redis.asyncio import Redis

from cli.errors import StartError
from shared.redis import redis_connection, redis_health
from shared.redis.redis_connection import UNAVAILABLE
from shared.store.workers import WorkerRegistry
from shared.tools import registry

ANSWER_TIMEOUT_S = 5.0
BAD_URL = "K8S_MCP_REDIS_URL cannot be used: check its host, port, path and options"


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What a server that answered said of itself."""

    name: str
    version: str
    shortcomings: list[str]


async def is_ready(url: str) -> bool:
    """Whether the server answers and has loaded its data. `StartError` if the URL cannot be used at all."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S), client(url):
            return True
    except (*UNAVAILABLE, TimeoutError):
        return False


async def running_jobs(url: str) -> int | None:
    """Jobs that run, as the workers last announced; None if that is not to be had."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S), client(url) as redis:
            return sum(worker.running for worker in await WorkerRegistry(redis).living(registry.names()))
    except (*UNAVAILABLE, TimeoutError):
        return None


async def report(url: str) -> StoreReport:
    """Raises one of `UNAVAILABLE`, TimeoutError, or `StartError` if the URL cannot be used at all."""
    async with asyncio.timeout(ANSWER_TIMEOUT_S), client(url) as redis:
        server = await redis.info("server")
        name = str(server.get("server_name", "redis"))
        version = str(server.get(f"{name}_version") or server.get("redis_version"))
        return StoreReport(name.capitalize(), version, await redis_health.shortcomings(redis))


def without_secrets(url: str) -> str:
    """The URL with neither user, password nor query."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "the server of K8S_MCP_REDIS_URL"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}{parts.path}"


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Redis]:
    """A client of a server that has answered. `StartError` if the URL cannot be used at all."""
    try:
        redis = redis_connection.gateway_client(url, max_connections=1)
    except ValueError:  # its text can be a piece of a password
        raise StartError(BAD_URL) from None
    try:
        await _greet(redis)
        yield redis
    finally:
        await redis.aclose(close_connection_pool=True)


async def _greet(client: Redis) -> None:
    try:
        await client.ping()
    except TypeError as error:  # an option in the URL's query that no connection knows
        raise StartError(BAD_URL) from error
