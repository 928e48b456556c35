"""One request of a command, from its arrival at the door to the end of its answer."""

import asyncio
import uuid
from dataclasses import dataclass, field

from worker.door.http import headers, status
from worker.door.http.child_connection import ChildConnection, Request
from worker.door.http.delivery import Copy, Delivery
from worker.door.http.errors import ServerError
from worker.door.http.server_connection import AnswerHead, ServerConnection
from worker.door.http.tunnel import Tunnel
from worker.door.judged import Judged
from worker.door.visits.visit import Visit

OUTCOME_TIMEOUT_S = 1.0
"""Seconds that a change whose command has gone waits for its outcome."""
MOST_NAME_BYTES = 1024 * 1024
_SWITCHES = 101
_REDIRECTS = frozenset(range(300, 400)) - {304}
_FAILURES = 300
_UNAVAILABLE = 503
_BAD_GATEWAY = 502


@dataclass
class Exchange:
    """A request and what becomes of it."""

    visit: Visit
    request: Request
    child: ChildConnection
    judged: Judged
    audit_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: int | None = None
    copy: Copy | None = None

    async def run(self) -> None:
        """Forwards the request and delivers the answer."""
        try:
            connection, head = await self._answered()
        except ServerError as error:
            self.reply(_UNAVAILABLE, f"the server {self.visit.route.server} cannot be reached: {error}")
            return
        self.status = head.status
        if head.status in _REDIRECTS:
            connection.abort()
            self.reply(_BAD_GATEWAY, f"the server {self.visit.route.server} redirects, which the door does not follow")
        elif head.status == _SWITCHES:
            await self._tunnel(connection, head)
        else:
            await self._deliver(connection, head)

    def reply(self, code: int, message: str) -> None:
        """Answers as the door itself."""
        keeps_connection = self.request.head.keeps_connection
        self.child.write(status.answer(code, message, keeps_connection=keeps_connection))
        self.child.finish(keeps_connection=keeps_connection)

    async def _answered(self) -> tuple[ServerConnection, AnswerHead]:
        sent = self._written()
        while True:
            connection, is_reused = await self.visit.connection(for_change=self.judged.is_change)
            try:
                head = await connection.ask(sent)
            except ServerError as error:
                if error.is_unanswered and is_reused and not self.judged.is_change:
                    continue
                raise
            if (head.status == _SWITCHES) and not self.request.head.upgrade:
                connection.abort()
                raise ServerError("malformed HTTP response")
            return connection, head

    def _written(self) -> bytes:
        head = self.request.head
        added = {**self.visit.route.added_headers, "Audit-ID": self.audit_id}
        return headers.request(
            head, f"{self.visit.route.prefix}{head.target.written}", added=added, body=self.request.body
        )

    async def _deliver(self, connection: ServerConnection, head: AnswerHead) -> None:
        delivery = Delivery(
            self.child,
            head,
            keeps_connection=self.request.head.keeps_connection,
            on_last=lambda: self.visit.give_back(connection),
            copy=self.copy,
        )
        self.child.flow_from(connection)
        connection.deliver_to(delivery)
        delivery.begin()
        try:
            await delivery.ended
        except asyncio.CancelledError:
            connection.abort()
            raise

    async def _tunnel(self, connection: ServerConnection, head: AnswerHead) -> None:
        upgrade = [("connection", "Upgrade"), ("upgrade", head.header("upgrade"))]
        framing = "\r\n".join(f"{name}: {value}" for name, value in upgrade)
        self.child.write(headers.answer(head.status, head.headers, framing=framing, is_upgrade=True))
        tunnel = Tunnel()
        transport, arrived = connection.hand_over()
        tunnel.join(self.child.hand_over(), transport, arrived=arrived)
        try:
            await tunnel.ended
        finally:
            tunnel.abort()
            self.child.connection_lost(None)
