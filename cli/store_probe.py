"""Connects to the Redis or Valkey that gateway and worker share, to report its state."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis

from cli.errors import StartError
from shared.redis import redis_connection, redis_health
from shared.redis.redis_connection import UNAVAILABLE
from shared.store.workers import WorkerRegistry

ANSWER_TIMEOUT_S = 5.0
BAD_URL = "K8S_MCP_REDIS_URL cannot be used: check its host, port, path and options"


@dataclass(frozen=True, slots=True)
class StoreReport:
    """Name, version and shortcomings of a server that has answered."""

    name: str
    version: str
    shortcomings: list[str]


async def is_ready(url: str) -> bool:
    """Returns whether the server answers and has loaded its data. Raises `StartError` if the URL is not usable."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S), client(url):
            return True
    except UNAVAILABLE:
        return False


async def running_jobs(url: str) -> int | None:
    """Returns the number of running jobs that workers last announced; None if Redis is not available."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S), client(url) as redis:
            return sum(worker.running for worker in await WorkerRegistry(redis).living())
    except UNAVAILABLE:
        return None


async def report(url: str) -> StoreReport:
    """Returns the server's report. Raises an error of `UNAVAILABLE`, or `StartError` for a bad URL."""
    async with asyncio.timeout(ANSWER_TIMEOUT_S), client(url) as redis:
        name, version = name_and_version(await redis.info("server"))
        return StoreReport(name, version, await redis_health.shortcomings(redis))


def name_and_version(info: Mapping[str, Any]) -> tuple[str, str]:
    """Returns a server's name and version, from its answer to INFO."""
    name = str(info.get("server_name", "redis"))
    return name.capitalize(), str(info.get(f"{name}_version") or info.get("redis_version"))


def without_secrets(url: str) -> str:
    """Returns the URL without user, password and query."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "the server of K8S_MCP_REDIS_URL"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}{parts.path}"


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Redis]:
    """Yields a client of a server that has answered. Raises `StartError` if the URL is not usable."""
    try:
        redis = redis_connection.gateway_client(url, max_connections=1)
    except ValueError:  # the error's text can contain a part of the password
        raise StartError(BAD_URL) from None
    try:
        await _greet(redis)
        yield redis
    finally:
        await redis.aclose(close_connection_pool=True)


async def _greet(client: Redis) -> None:
    try:
        await client.ping()
    except TypeError as error:  # the URL's query has an unknown option
        raise StartError(BAD_URL) from error
