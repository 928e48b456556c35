"""Connections to Redis: how long they may hang, what is retried, how many there are."""

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError, TimeoutError

CONNECT_TIMEOUT_S = 2.0
SOCKET_TIMEOUT_S = 15.0
"""Longer than any blocking command of ours waits."""
HEALTH_CHECK_INTERVAL_S = 30
RETRIED = [ConnectionError, TimeoutError, BusyLoadingError, OSError]

UNAVAILABLE = (RedisError, OSError)
"""What a caller of the store sees when Redis is away."""


def gateway_client(url: str, *, max_connections: int = 50) -> Redis:
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
    return Redis.from_pool(pool)


def worker_pool(url: str) -> ConnectionPool:
    """Patient: nobody waits on this connection, and what is written must arrive."""
    return ConnectionPool.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_INTERVAL_S,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), 3),
        retry_on_error=RETRIED,
    )
