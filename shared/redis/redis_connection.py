"""Connections to Redis, with their time limits, retries and pool sizes."""

import asyncio
import builtins
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    NoScriptError,
    OutOfMemoryError,
    RedisError,
    TimeoutError,
)

from shared import metrics
from shared.metrics import RedisErrorKind

CONNECT_TIMEOUT_S = 2.0
SOCKET_TIMEOUT_S = 15.0
"""Time limit of a command in seconds; longer than any blocking command waits."""
LEASE_TIMEOUT_S = 1.5
"""Time limit in seconds for renewing leases: two tries fit between a renewal and the end of the lease."""
HEALTH_CHECK_INTERVAL_S = 30
GATEWAY_CONNECTIONS = 50
"""Most connections of a gateway, besides those for submitting jobs."""
RETRIED = [ConnectionError, TimeoutError, BusyLoadingError, OSError]

UNAVAILABLE = (RedisError, OSError)
"""Errors that the store raises when Redis is not available. OSError includes TimeoutError."""

Pool = TypeVar("Pool", bound=ConnectionPool)


class _OurConnection(AbstractConnection):
    """Counts errors, and does not lose a cancellation that comes while a command is being sent.

    redis-py sends with `asyncio.wait_for`, which can lose a cancellation before Python 3.12
    (https://github.com/python/cpython/issues/86296). A loop over Redis would then go on and keep the process alive.
    """

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        task = asyncio.current_task()
        cancellations = task.cancelling() if task else 0
        await super().send_packed_command(command, check_health)
        if task and task.cancelling() > cancellations:
            await self.disconnect(nowait=True)
            raise asyncio.CancelledError

    async def _connect(self) -> None:
        with _errors_counted():
            await super()._connect()  # type: ignore[safe-super, no-untyped-call]  # the method of the class that this is mixed into

    async def _send_packed_command(self, command: Iterable[bytes]) -> None:
        with _errors_counted():
            await super()._send_packed_command(command)

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        with _errors_counted():
            return await super().read_response(*args, **kwargs)

    async def on_connect(self) -> None:
        """Skips the health check of a new connection.

        redis-py would check it with its first command and reconnect after a failure. If the server requires a password
        that the URL lacks, this recursion has no end.
        """
        self.next_health_check = asyncio.get_running_loop().time() + HEALTH_CHECK_INTERVAL_S
        await super().on_connect()


def gateway_client(url: str, *, max_connections: int = GATEWAY_CONNECTIONS) -> Redis:
    """Returns a client that fails soon, because a caller waits. It tries once more on a new connection."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=CONNECT_TIMEOUT_S,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_INTERVAL_S,
        retry=Retry(NoBackoff(), 1),
        retry_on_error=RETRIED,
    )
    return Redis.from_pool(_of_ours(pool))


def worker_pool(url: str, *, timeout_s: float = SOCKET_TIMEOUT_S) -> ConnectionPool:
    """Returns a pool that retries for longer, because no caller waits and the data must arrive.

    Renewals of leases need their own pool with a shorter `timeout_s`, so that a dead connection is noticed in time.
    """
    pool = ConnectionPool.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=timeout_s,
        health_check_interval=HEALTH_CHECK_INTERVAL_S,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), 3),
        retry_on_error=RETRIED,
    )
    return _of_ours(pool)


def reason(error: BaseException) -> str:
    """Describes why Redis cannot be used. The text contains no secret."""
    if isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError):
        return "Redis rejects the user or password in K8S_MCP_REDIS_URL"
    if isinstance(error, BusyLoadingError):
        return "Redis is still loading its data"
    if isinstance(error, TimeoutError | builtins.TimeoutError):
        return "Redis does not answer in time"
    return f"Redis cannot be used: {error} (K8S_MCP_REDIS_URL sets the address)"


def _of_ours(pool: Pool) -> Pool:
    """Returns the pool with our connection class, which extends the class that the URL selected."""
    plain = pool.connection_class
    pool.connection_class = type(f"Our{plain.__name__}", (_OurConnection, plain), {})
    return pool


@contextmanager
def _errors_counted() -> Iterator[None]:
    """Counts errors. A script that Redis does not know yet is not an error, because the client then sends it."""
    try:
        yield
    except NoScriptError:
        raise
    except UNAVAILABLE as error:
        metrics.REDIS_ERRORS.labels(_kind(error)).inc()
        raise


def _kind(error: Exception) -> RedisErrorKind:
    if isinstance(error, OutOfMemoryError):
        return RedisErrorKind.FULL
    if isinstance(error, TimeoutError | builtins.TimeoutError):
        return RedisErrorKind.TIMEOUT
    return RedisErrorKind.CONNECTION if isinstance(error, ConnectionError | OSError) else RedisErrorKind.ANSWER
