"""Connections to Redis, with their time limits, retries and pool sizes."""

import builtins
import ssl
from collections.abc import Iterator

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ResponseError,
    TimeoutError,
)

from shared.network.redis_address import RedisAddress
from shared.redis import our_connection
from shared.redis.our_connection import HEALTH_CHECK_INTERVAL_S, RETRIED
from shared.redis.sentinel_pool import BlockingSentinelPool, SentinelPool
from shared.redis.sentinels import SentinelError

CONNECT_TIMEOUT_S = 2.0
SOCKET_TIMEOUT_S = 15.0
"""Time limit of a command in seconds; longer than any blocking command waits."""
LEASE_TIMEOUT_S = 1.5
"""Time limit in seconds for renewing leases: two tries fit between a renewal and the end of the lease."""
GATEWAY_CONNECTIONS = 50
"""Most connections of a gateway, besides those for submitting jobs."""

NO_REPLICAS = "NOREPLICAS "
"""Begin of the answer to a write when fewer replicas than min-replicas-to-write follow the server."""
UNKNOWN_COMMAND = "unknown command"
"""Begin of the answer to a command that the server does not know, as proxies do not know all of them."""
TOLD_CODES = frozenset({"BUSY", "CLUSTERDOWN", "CROSSSLOT", "MISCONF", "MOVED", "WRONGTYPE"})
"""First words of answers that may be shown. The rest of an answer is the server's own text, and may quote a secret."""
UNAVAILABLE = our_connection.UNAVAILABLE
"""Errors that the store raises when Redis is not available. OSError includes TimeoutError."""


def gateway_client(address: RedisAddress, *, max_connections: int = GATEWAY_CONNECTIONS) -> Redis:
    """Returns a client that fails soon, because a caller waits. It tries once more on a new connection."""
    options = {
        "max_connections": max_connections,
        "timeout": CONNECT_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_timeout": SOCKET_TIMEOUT_S,
        "health_check_interval": HEALTH_CHECK_INTERVAL_S,
        "retry": Retry(NoBackoff(), 1),
        "retry_on_error": RETRIED,
    }
    if address.sentinels:
        return Redis.from_pool(BlockingSentinelPool(address, **options))
    return Redis.from_pool(our_connection.of_ours(BlockingConnectionPool(**{**options, **address.options})))


def worker_pool(address: RedisAddress, *, timeout_s: float = SOCKET_TIMEOUT_S) -> ConnectionPool:
    """Returns a pool that retries for longer, because no caller waits and the data must arrive.

    Renewals of leases need their own pool with a shorter `timeout_s`, so that a dead connection is noticed in time.
    """
    options = {
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_timeout": timeout_s,
        "health_check_interval": HEALTH_CHECK_INTERVAL_S,
        "retry": Retry(ExponentialBackoff(cap=1, base=0.05), 3),
        "retry_on_error": RETRIED,
    }
    if address.sentinels:
        return SentinelPool(address, **options)
    return our_connection.of_ours(ConnectionPool(**{**options, **address.options}))


def reason(error: BaseException) -> str:
    """Describes why Redis cannot be used. The text contains no secret."""
    told = next(filter(None, map(_told, _causes(error))), None)
    return told or f"Redis cannot be used: {_shown(error)} (K8S_MCP_REDIS_URL sets the address)"


def _told(error: BaseException) -> str | None:
    """Returns the text for one error of a chain, or None if there is none."""
    if isinstance(error, SentinelError):
        return f"Redis cannot be used: {error}"
    if NO_REPLICAS in str(error):
        return "Redis takes no writes, because too few replicas follow the primary (min-replicas-to-write)"
    return next((text for kind, text in _TEXTS if isinstance(error, kind)), None)


def _shown(error: BaseException) -> str:
    """Returns the text of an error of ours, of redis-py or of the system, and no text of a server."""
    if not isinstance(error, ResponseError):
        return str(error)
    if str(error).startswith(UNKNOWN_COMMAND):
        return "it does not know a command that is needed"
    code = str(error).partition(" ")[0]
    return f"it refuses a command ({code if code in TOLD_CODES else 'ERR'})"


_TEXTS: tuple[tuple[type[BaseException], str], ...] = (
    (AuthenticationError, "Redis rejects the user or password in K8S_MCP_REDIS_URL"),
    (
        ssl.SSLCertVerificationError,
        "the certificate of Redis is not trusted (K8S_MCP_REDIS_CA_FILE names the authorities)",
    ),
    (BusyLoadingError, "Redis is still loading its data"),
    (NoPermissionError, "Redis does not let the user in K8S_MCP_REDIS_URL run a command that is needed"),
    (OutOfMemoryError, "Redis is full (maxmemory)"),
    (InvalidResponse, "the server at K8S_MCP_REDIS_URL does not speak the protocol of Redis"),
    (TimeoutError, "Redis does not answer in time"),
    (builtins.TimeoutError, "Redis does not answer in time"),
)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
