"""Connections to the primary that Sentinel names: redis-py's own, with what a failover here demands of them.

redis-py's connection repeats its question to the sentinels and, for each answer, the attempt to connect: 16 attempts of
two seconds at a server that is cut off, most of them after another one became the primary. Ours asks before each
attempt. redis-py's pool closes idle connections to the primary before, but not those on which somebody waits.
"""

import ssl
from collections.abc import Iterator
from itertools import chain

from redis.asyncio.connection import BlockingConnectionPool, Connection, SSLConnection
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedConnection

from shared.network import redis_address
from shared.network.endpoints import Endpoint
from shared.network.redis_address import RedisAddress
from shared.redis.our_connection import OurConnection
from shared.redis.sentinels import Primary, SentinelError, Sentinels


class _ToPrimary(SentinelManagedConnection):
    """Finds out before each attempt to connect where the primary is."""

    connection_pool: "SentinelPool"

    async def connect(self) -> None:
        await Connection.connect(self)  # type: ignore[no-untyped-call]  # redis-py has no annotation here and below

    async def _connect(self) -> None:
        self.host, self.port = await self.connection_pool.get_master_address()
        try:
            await super()._connect()  # type: ignore[no-untyped-call]
        except ssl.SSLError:
            raise
        except OSError as error:
            place = redis_address.place(Endpoint(self.host, self.port))
            raise SentinelError(
                f"the primary that Sentinel names, {place}, cannot be reached ({type(error).__name__}); if that is an "
                "inner address, let the servers announce another (replica-announce-ip, sentinel announce-ip)"
            ) from error


class PrimaryConnection(OurConnection, _ToPrimary):
    """A connection to the primary."""


class PrimaryTlsConnection(PrimaryConnection, SSLConnection):
    """A connection to the primary with TLS."""


class SentinelPool(SentinelConnectionPool):
    """A pool of connections to the primary."""

    sentinel_manager: Sentinels

    def __init__(self, address: RedisAddress, **options: object) -> None:
        given = {**options, **address.options}
        has_tls = given.pop("connection_class", None) is SSLConnection
        super().__init__(  # type: ignore[no-untyped-call]
            address.service,
            Sentinels(address),
            connection_class=PrimaryTlsConnection if has_tls else PrimaryConnection,
            **given,
        )

    async def get_master_address(self) -> tuple[str, int]:
        """Asks for the primary. Connections to another server are cut. Raises SentinelError."""
        try:
            primary = await self.sentinel_manager.primary()
            self._use(primary)  # before the next await, in which a newer one may be learned
        finally:
            await self.sentinel_manager.close()
        return primary.place

    def follow(self, primary: Primary) -> bool:
        """Takes the primary that others have found, unless a newer one is known here.

        Returns whether connections to another server had to be cut.
        """
        return self.sentinel_manager.learn(primary) and self._use(primary)

    def _use(self, primary: Primary) -> bool:
        self.master_address = primary.place
        left = [each for each in self._connected() if (each.host, each.port) != primary.place]
        for connection in left:
            connection.cut()
        return bool(left)

    def _connected(self) -> Iterator[PrimaryConnection]:
        for connection in chain(self._available_connections, self._in_use_connections):
            if isinstance(connection, PrimaryConnection) and connection.is_connected:
                yield connection


class BlockingSentinelPool(SentinelPool, BlockingConnectionPool):
    """A pool that waits for a free connection when all are in use."""
