"""What we change in redis-py's connections to Redis, whatever carries them."""

import asyncio
import builtins
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,
    InvalidResponse,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from shared import metrics
from shared.metrics import RedisErrorKind

HEALTH_CHECK_INTERVAL_S = 30
UNAVAILABLE = (RedisError, OSError)
RETRIED = [ConnectionError, TimeoutError, BusyLoadingError, OSError]
REPLICA_ANSWERS = ("UNBLOCKED ", "MASTERDOWN ")
"""Answers, besides READONLY, of a server that has become a replica: to a command that it had been blocking, and to one
that it could only answer with old data."""
QUOTATION = ", with args"
"""Where servers begin to quote the arguments of a command that they do not know. Those of AUTH are a password."""

Pool = TypeVar("Pool", bound=ConnectionPool)


class OurConnection(AbstractConnection):
    """Counts errors, leaves a server that has become a replica, and does not lose a cancellation while it sends.

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
            try:
                await super()._send_packed_command(command)
            except RuntimeError as error:  # uvloop's, where the connection was closed since it was opened
                raise ConnectionError("the connection was closed") from error

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """Makes a replica's answer a lost connection, because the next one reaches the primary: the name has moved, or
        Sentinel names another server."""
        with _errors_counted():
            try:
                return await super().read_response(*args, **kwargs)
            except (ResponseError, InvalidResponse) as error:
                forget_quotation(error)
                if not isinstance(error, ReadOnlyError) and not str(error).startswith(REPLICA_ANSWERS):
                    raise
                await self.disconnect(nowait=True)
                raise ConnectionError("the server has become a replica") from error

    async def on_connect(self) -> None:
        """Skips the health check of a new connection.

        redis-py would check it with its first command and reconnect after a failure. If the server requires a password
        that the URL lacks, this recursion has no end.
        """
        self.next_health_check = asyncio.get_running_loop().time() + HEALTH_CHECK_INTERVAL_S
        await super().on_connect()

    async def disconnect(self, nowait: bool = False) -> None:
        """Drops the connection if the server does not take leave in time, as one that hangs does not with TLS.

        redis-py would raise a TimeoutError, which takes the place of the cancellation that made a task disconnect.
        """
        writer = self._writer
        try:
            await super().disconnect(nowait)
        except TimeoutError:
            if writer is not None:
                writer.transport.abort()

    def cut(self) -> None:
        """Drops the connection at once, also while a task waits for its answer; the task gets an error.

        An orderly end would wait until a server that hangs has taken what was sent to it.
        """
        if self._writer is not None:
            self._writer.transport.abort()


def forget_quotation(error: Exception) -> None:
    """Removes from a server's answer what it may quote of a command, so that no log or traceback can show it."""
    if isinstance(error, InvalidResponse):
        error.args = ("the answer is not in the protocol of Redis",)
    elif isinstance(error, ResponseError):
        error.args = (str(error).partition(QUOTATION)[0],)


def of_ours(pool: Pool) -> Pool:
    """Returns the pool with our connection class, which extends the class that the pool had."""
    plain = pool.connection_class
    pool.connection_class = type(f"Our{plain.__name__}", (OurConnection, plain), {})
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
