"""Whether the primary has replicas, so that what a caller is told must be on one of them first."""

from collections.abc import Callable

from redis.asyncio import Redis


class Replicas:
    """The replicas of one server, as the latest answer of the server told.

    Sentinels know replicas that are away at the moment; `known_elsewhere` tells whether they know one.
    """

    def __init__(self, known_elsewhere: Callable[[], bool] = lambda: False) -> None:
        self._known_elsewhere = known_elsewhere
        self._connected: int | None = None

    def seen(self, connected: int) -> None:
        """Takes the number of replicas that the server has at present."""
        self._connected = connected

    async def are_expected(self, redis: Redis) -> bool:
        """Returns whether there is a replica. Asks the server if nothing is known yet; then redis-py's errors arise."""
        if self._connected is None:
            self.seen((await redis.info("replication")).get("connected_slaves", 0))
        return bool(self._connected) or self._known_elsewhere()
