"""How long a request waits for Redis, and what its caller is told when Redis is away or stands still."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.errors import ErrorCode, UnavailableError
from shared.redis.redis_connection import UNAVAILABLE

TIMEOUT_S = 2.0
"""A server that stands still accepts connections and answers nothing; probes and callers must learn of it soon."""


@asynccontextmanager
async def bounded(job_id: str | None = None) -> AsyncIterator[None]:
    """Redis' errors and delays inside of the block become `UnavailableError`, which carries the job's id."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield
    except UNAVAILABLE as error:
        raise UnavailableError(ErrorCode.STORE_UNAVAILABLE, _detail(job_id), job_id=job_id) from error


def _detail(job_id: str | None) -> str:
    if job_id is None:
        return "Redis is not reachable; try again in a moment."
    return (
        f"Redis is not reachable: ask for the job again in a moment (GET /jobs/{job_id}, or get_job), "
        "and do not send its command again."
    )
