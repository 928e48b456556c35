"""`python -m worker.probes.announced`: a health check of the worker in this container.

It asks Redis whether the worker is announced, as gateways do. A worker that has lost Redis, or whose event loop hangs,
is no longer announced.
"""

import asyncio
import socket
import sys

from redis.asyncio import Redis

from shared.network.redis_address import RedisAddress
from shared.redis import redis_connection
from shared.redis.redis_connection import UNAVAILABLE
from shared.sealing import process_hardening
from shared.settings import SettingsError, WorkerSettings
from shared.store.workers import WorkerRegistry

TIMEOUT_S = 5.0


def main() -> None:
    """Exits with 1 and a reason if the worker is not healthy. Health checks use no other code."""
    try:
        process_hardening.forbid_dumps()
        address = WorkerSettings.load().redis_address()
    except SettingsError as error:
        sys.exit(str(error))
    sys.exit(asyncio.run(shortcoming(address, socket.gethostname())))


async def shortcoming(address: RedisAddress, host_name: str) -> str | None:
    """Returns why no worker of this host counts as healthy, or None if one does."""
    redis = redis_connection.gateway_client(address)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            announced = await _is_announced(redis, host_name)
    except UNAVAILABLE as error:
        return redis_connection.reason(error)
    finally:
        await redis.aclose()
    return None if announced else f"no worker on {host_name} is announced"


async def _is_announced(redis: Redis, host_name: str) -> bool:
    living = await WorkerRegistry(redis).living()
    return any(worker.worker_id.rpartition("-")[0] == host_name for worker in living)


if __name__ == "__main__":
    main()
