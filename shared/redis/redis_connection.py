"""Connections to Redis: how long they may hang, what is retried, how many there are."""

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
"""Longer than any blocking command of ours waits."""
LEASE_TIMEOUT_S = 1.5
"""Two tries of it fit between a renewal and the end of the lease."""
HEALTH_CHECK_INTERVAL_S = 30
GATEWAY_CONNECTIONS = 50
"""Of one gateway at most, besides those of its submits."""
RETRIED = [ConnectionError, TimeoutError, BusyLoadingError, OSError]

UNAVAILABLE = (RedisError, OSError)
"""What a caller of the store sees when Redis is away."""

Pool = TypeVar("Pool", bound=ConnectionPool)


class _OurConnection(AbstractConnection):
    """A cancelled task ends, even when the cancellation meets a command that is just being sent; errors are counted.

    redis-py sends through `asyncio.wait_for`, which loses a cancellation before Python 3.12
    (https://github.com/python/cpython/issues/86296): a loop over Redis would go on, and with it the process.
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
            await super()._connect()  # type: ignore[safe-super, no-untyped-call]  # of the class that this is mixed into

    async def _send_packed_command(self, command: Iterable[bytes]) -> None:
        with _errors_counted():
            await super()._send_packed_command(command)

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        with _errors_counted():
            return await super().read_response(*args, **kwargs)

    async def on_connect(self) -> None:
        """A new connection needs no check of its health.

        redis-py checks it in the first words that it sends, and connects anew where that fails: without end, and ever
        deeper, to a server that demands a password which the URL lacks.
        """
        self.next_health_check = asyncio.get_running_loop().time() + HEALTH_CHECK_INTERVAL_S
        await super().on_connect()


def gateway_client(url: str, *, max_connections: int = GATEWAY_CONNECTIONS) -> Redis:
    """Fails soon, for a caller waits: one more try, on a fresh connection."""
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
    """Patient: nobody waits on this connection, and what is written must arrive.

    What must be written within a lease gets a pool of its own with a shorter `timeout_s`: on a connection that has
    gone silent it would be noticed too late.
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
    """Why Redis cannot be used, in words and without a secret."""
    if isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError):
        return "Redis refuses the user or password of K8S_MCP_REDIS_URL"
    if isinstance(error, BusyLoadingError):
        return "Redis still loads its data"
    if isinstance(error, TimeoutError | builtins.TimeoutError):
        return "Redis does not answer in time"
    return f"Redis cannot be asked: {error} (K8S_MCP_REDIS_URL names it)"


def _of_ours(pool: Pool) -> Pool:
    """The pool, before its first connection. Which kind of connection it makes, its URL has decided."""
    plain = pool.connection_class
    pool.connection_class = type(f"Our{plain.__name__}", (_OurConnection, plain), {})
    return pool


@contextmanager
def _errors_counted() -> Iterator[None]:
    """That a script is not there yet is no error: it is sent then."""
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
