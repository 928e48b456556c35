"""Keeps connections open for the next request of the same caller to the same server."""

import asyncio
from collections.abc import Callable

from worker.door.http.server_connection import ServerConnection
from worker.door.messages import Access
from worker.door.visits import route
from worker.door.visits.route import Route

IDLE_S = 60.0
"""Seconds that a connection stays open without a request."""
MOST_IDLE_OF_CHANGES_S = 5.0
"""Longest idle time of a connection that takes a change: on one that breaks, nobody knows whether it happened."""
MOST_IDLE_OF_ROUTE = 16
MOST_IDLE = 256


class Pool:
    """The routes of all visits, and their idle connections."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._routes: dict[str, Route] = {}
        self._idle: dict[ServerConnection, tuple[Route, float, asyncio.TimerHandle]] = {}

    def enter(self, access: Access) -> Route:
        """Returns the route of a new visit."""
        identity = route.identity(access)
        found = self._routes.setdefault(identity, Route(access, identity))
        found.visits += 1
        return found

    def leave(self, used: Route) -> None:
        """Notes the end of a visit."""
        used.visits -= 1
        if used.visits == 0 and used.closes_with_last_visit:
            for connection in tuple(used.idle):
                self._close(connection)
        self._forget(used)

    def take_idle(self, wanted: Route, *, for_change: bool) -> ServerConnection | None:
        """Returns an open connection, the one that was used last; None if there is none for this purpose."""
        while wanted.idle:
            connection = wanted.idle[-1]
            _, since, _ = self._idle[connection]
            if for_change and self._is_old(since):
                return None
            self._drop(connection)
            if connection.is_idle:
                return connection
        return None

    def is_good_for_change(self, connection: ServerConnection, *, since: float) -> bool:
        """Whether a connection that nobody has used `since` then can take a change."""
        return connection.is_idle and not self._is_old(since)

    def give_back(self, used: Route, connection: ServerConnection) -> None:
        """Keeps a connection for the next request, or closes it if it cannot take one."""
        if not connection.is_idle or (used.visits == 0 and used.closes_with_last_visit):
            connection.close()
            return
        used = self._routes.setdefault(used.identity, used)  # its visits may have ended meanwhile
        timer = asyncio.get_running_loop().call_later(IDLE_S, self._close, connection)
        self._idle[connection] = (used, self._clock(), timer)
        used.idle.append(connection)
        if len(used.idle) > MOST_IDLE_OF_ROUTE:
            self._close(used.idle[0])
        if len(self._idle) > MOST_IDLE:
            self._close(next(iter(self._idle)))

    def _is_old(self, since: float) -> bool:
        return self._clock() - since > MOST_IDLE_OF_CHANGES_S

    def _close(self, connection: ServerConnection) -> None:
        used = self._drop(connection)
        connection.close()
        self._forget(used)

    def _drop(self, connection: ServerConnection) -> Route:
        used, _, timer = self._idle.pop(connection)
        timer.cancel()
        used.idle.remove(connection)
        return used

    def _forget(self, used: Route) -> None:
        if used.visits == 0 and not used.idle and self._routes.get(used.identity) is used:
            del self._routes[used.identity]
