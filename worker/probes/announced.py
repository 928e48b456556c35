"""`python -m worker.probes.announced`: whether the worker of this container has announced itself, for health checks.

Asks Redis, as gateways do: a worker that has lost Redis, or whose event loop hangs, is announced no more.
"""

import asyncio
import socket
import sys

from redis.asyncio import Redis

from shared.redis import redis_connection
from shared.redis.redis_connection import UNAVAILABLE
from shared.sealing import process_hardening
from shared.settings import SettingsError, WorkerSettings
from shared.store.workers import WorkerRegistry
from shared.tools import registry

TIMEOUT_S = 5.0


def main() -> None:
    """Exits with 1, and says why, when it is not: a health check knows no other code."""
    try:
        process_hardening.forbid_dumps()
        url = WorkerSettings.load().redis_url.get_secret_value()
    except SettingsError as error:
        sys.exit(str(error))
    sys.exit(asyncio.run(shortcoming(url, socket.gethostname())))


async def shortcoming(redis_url: str, host_name: str) -> str | None:
    """Why no worker of this host can be said to be well; None if one can."""
    redis = redis_connection.gateway_client(redis_url)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            announced = await _is_announced(redis, host_name)
    except (*UNAVAILABLE, TimeoutError) as error:
        return redis_connection.reason(error)
    finally:
        await redis.aclose()
    return None if announced else f"no worker on {host_name} is announced"


async def _is_announced(redis: Redis, host_name: str) -> bool:
    living = await WorkerRegistry(redis).living([tool.name for tool in registry.tools()])
    return any(worker.worker_id.rpartition("-")[0] == host_name for worker in living)


if __name__ == "__main__":
    main()
