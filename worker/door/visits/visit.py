"""A visit: the stay of one command at the door, from Admit to Dismiss."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from worker.door.http.child_connection import ChildConnection, Request
from worker.door.http.errors import BadRequestError
from worker.door.http.request_body import BodyBudget
from worker.door.http.server_connection import ServerConnection
from worker.door.messages import Admit
from worker.door.visits import connector
from worker.door.visits.asked_ahead import AskedAhead
from worker.door.visits.pool import Pool
from worker.door.visits.refused import RefusedRequests
from worker.door.visits.route import Route
from worker.door.worker_link import WorkerLink

MOST_CONNECTIONS = 256
MOST_BODY_BYTES = 32 * 1024 * 1024
"""Bytes of the requests that are being read or answered. The door may hold each of them twice."""


class Visit:
    """What the door knows of a command while it runs."""

    def __init__(self, admit: Admit, route: Route, *, pool: Pool, worker: WorkerLink, serve: "Serve") -> None:
        self.number = admit.visit
        self.reports_requests = admit.reports_requests
        self.kinds = admit.kinds
        self.effects = admit.effects
        self.route = route
        self.worker = worker
        self.bodies = BodyBudget(MOST_BODY_BYTES)
        self.changes = 0
        """Number of the last change."""
        self.asked_ahead: AskedAhead | None = None
        """The request that the command is about to make."""
        self.refusals = RefusedRequests()
        self._pool = pool
        self._serve = serve
        self._children: set[ChildConnection] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._openings: list[asyncio.Task[ServerConnection]] = []
        """Connections that are opened in advance and that no request has claimed."""

    @property
    def is_to_argo_cd(self) -> bool:
        """Whether the command's server is that of Argo CD."""
        return self.route.access.is_argo_cd

    def join(self, child: ChildConnection) -> None:
        """Notes a connection of the command. Raises `BadRequestError` if it has too many."""
        if len(self._children) >= MOST_CONNECTIONS and child not in self._children:
            raise BadRequestError(f"the command has more than {MOST_CONNECTIONS} connections", 503)
        self._children.add(child)

    def leave(self, child: ChildConnection) -> None:
        """Forgets a connection that has ended."""
        self._children.discard(child)

    async def answer(self, request: Request, child: ChildConnection) -> None:
        """Answers a request of the command."""
        task = asyncio.current_task()
        if task is not None:
            self._own(task)
        await self._serve(self, request, child)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        """Runs something that ends soon after the visit."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._own(task)
        return task

    def open_in_advance(self, number: int) -> None:
        """Opens connections while the command starts, if none is open."""
        if self.route.idle:
            return
        for _ in range(number):
            opening = asyncio.get_running_loop().create_task(self._connect(), name="open in advance")
            self._openings.append(opening)
            opening.add_done_callback(self._keep_unclaimed)

    def has_connections(self, number: int) -> bool:
        """Whether as many connections are open, or being opened, for the next requests."""
        return len(self.route.idle) + len(self._openings) >= number

    async def connection(self, *, for_change: bool) -> tuple[ServerConnection, bool]:
        """Returns a connection to the server, and whether it was used before. Raises as `Route.check` does."""
        self.route.check()
        idle = self._pool.take_idle(self.route, for_change=for_change)
        if idle is not None:
            return idle, True
        if not self._openings:
            return await self._connect(), False
        opening = self._openings.pop(0)
        try:
            await asyncio.wait({opening})
        except asyncio.CancelledError:
            opening.add_done_callback(self._keep)
            raise
        return opening.result(), False

    async def kept_for_change(self, connection: ServerConnection, *, taken_at: float) -> ServerConnection:
        """Returns the connection, or another one if it has ended or waited too long for a change meanwhile."""
        if self._pool.is_good_for_change(connection, since=taken_at):
            return connection
        connection.close()
        return (await self.connection(for_change=True))[0]

    def give_back(self, connection: ServerConnection) -> None:
        """Takes back a connection whose answer is complete."""
        self._pool.give_back(self.route, connection)

    async def end(self) -> None:
        """Breaks the command's connections, and waits until the outcomes of its changes are known."""
        for child in tuple(self._children):
            child.abort()
        for opening in self._openings:
            opening.cancel()
        if self.asked_ahead is not None:
            self.asked_ahead.give_up()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._pool.leave(self.route)

    async def _connect(self) -> ServerConnection:
        return await connector.connect(self.route, self._dial)

    async def _dial(self) -> socket.socket:
        return await self.worker.dial(self.number)

    def _own(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._disown)

    def _disown(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        _has_failed(task)

    def _keep_unclaimed(self, opening: "asyncio.Task[ServerConnection]") -> None:
        if opening in self._openings:  # a failure is forgotten: the first request will try again
            self._openings.remove(opening)
            self._keep(opening)

    def _keep(self, opening: "asyncio.Task[ServerConnection]") -> None:
        if not _has_failed(opening):
            self.give_back(opening.result())


Serve = Callable[[Visit, Request, ChildConnection], Coroutine[Any, Any, None]]


def _has_failed(opening: "asyncio.Task[Any]") -> bool:
    """Also tells the event loop that somebody has looked at the error."""
    return opening.cancelled() or opening.exception() is not None
