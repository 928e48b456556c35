"""Limits how long a request waits for Redis, and words the error when Redis does not answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.errors import ErrorCode, UnavailableError
from shared.redis.redis_connection import UNAVAILABLE

TIMEOUT_S = 2.0
"""A Redis server that hangs accepts connections but does not answer. Probes and callers must learn of it soon."""


@asynccontextmanager
async def bounded(job_id: str | None = None) -> AsyncIterator[None]:
    """Turns errors and delays of Redis inside the block into `UnavailableError`, with the job's id if it is given."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield
    except UNAVAILABLE as error:
        raise UnavailableError(ErrorCode.STORE_UNAVAILABLE, _detail(job_id), job_id=job_id) from error


def _detail(job_id: str | None) -> str:
    if job_id is None:
        return "Redis is not reachable; try again in a moment."
    return (
        f"Redis is not reachable: ask for the job again in a moment (GET /jobs/{job_id}, or get_job). "
        "Do not send its command again."
    )
