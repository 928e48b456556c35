"""The door's reception: it admits visits for the worker, and lets their commands' connections in."""

import asyncio
import hmac
import secrets
from collections.abc import Coroutine
from typing import Any

from worker.door import failure, questions
from worker.door.exchange import Exchange
from worker.door.http.child_connection import ChildConnection, Request
from worker.door.http.errors import BadRequestError
from worker.door.http.request_head import Head
from worker.door.knowledge import Knowledge
from worker.door.messages import Access, Admit, Admitted, Answered, Ask, Dismiss, Dismissed, Stranger, memory_file
from worker.door.visits.pool import Pool
from worker.door.visits.visit import Visit
from worker.door.worker_link import WorkerLink
from worker.launcher.channel import Channel, close_all

MOST_CONNECTIONS = 4_096
MOST_WAITING = 512
"""Most connections that have not shown a pass yet. An honest command shows it with its first bytes."""
STRANGERS_DELAY_S = 0.5
"""Seconds for which requests without a pass are counted before the worker is told."""
_MAC_KEY = secrets.token_bytes(32)
_NO_PASS = "the request belongs to no running command"  # noqa: S105 - a text
_NO_PATH = (
    "the request does not begin with the path of the kubeconfig's server, which versions of kubectl before 1.36 leave "
    "out with `--raw`: use a newer kubectl"
)
_ROOTS = frozenset({"api", "apis", "healthz", "livez", "logs", "metrics", "openapi", "readyz", "version"})
"""First segments of an API server's own paths, which no pass is."""


class DoorReception:
    """All visits and connections of this door."""

    def __init__(self, channel: Channel, host: str) -> None:
        self.ended = asyncio.Event()
        self._host = host
        self._children: set[ChildConnection] = set()
        self._waiting: dict[ChildConnection, None] = {}
        """Connections that have not shown a pass yet, in the order of their arrival."""
        self._strangers = 0
        self._by_pass: dict[bytes, Visit] = {}
        self._passes: dict[int, bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._knowledge = Knowledge()
        self._pool = Pool(clock=asyncio.get_running_loop().time)
        self._worker = WorkerLink(channel, on_order=self._on_order, on_end=self.ended.set)

    # What connections call.

    def enter(self, child: ChildConnection) -> bool:
        """Counts a new connection. Returns whether there is room for it."""
        if len(self._children) >= MOST_CONNECTIONS:
            return False
        self._children.add(child)
        self._waiting[child] = None
        if len(self._waiting) > MOST_WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.abort()
        return True

    def leave(self, child: ChildConnection) -> None:
        """Forgets a connection that has ended."""
        self._children.discard(child)
        self._waiting.pop(child, None)

    def admit(self, head: Head, child: ChildConnection) -> Visit:
        """Returns the visit to which a request belongs. Raises `BadRequestError`."""
        if head.host != self._host:
            raise BadRequestError("its Host is not the door's")
        visit = self._by_pass.get(_digest(head.target.pass_))
        if visit is None:
            self._count_stranger()
            is_path = head.target.pass_ in _ROOTS
            raise BadRequestError(_NO_PATH) if is_path else BadRequestError(_NO_PASS, 401)
        visit.join(child)
        self._waiting.pop(child, None)
        return visit

    def _count_stranger(self) -> None:
        self._strangers += 1
        if self._strangers == 1:
            asyncio.get_running_loop().call_later(STRANGERS_DELAY_S, self._tell_strangers)

    def _tell_strangers(self) -> None:
        self._worker.tell(Stranger(count=self._strangers))
        self._strangers = 0

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Runs something, and owns its task."""
        task = asyncio.get_running_loop().create_task(work, name="door")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # What the worker orders.

    def _on_order(self, order: Admit | Dismiss | Ask, descriptors: list[int]) -> None:
        match order:
            case Admit():
                self._admit(order, descriptors)
            case Dismiss():
                self._dismiss(order.visit)
            case Ask():
                close_all(descriptors)
                self.start(self._answer(order))

    def _admit(self, admit: Admit, descriptors: list[int]) -> None:
        with open(descriptors[0], "rb") as file:
            access = Access.model_validate_json(file.read())
        close_all(descriptors[1:])
        visit = Visit(admit, self._pool.enter(access), pool=self._pool, worker=self._worker, serve=self._serve)
        digest = _digest(access.pass_)
        self._by_pass[digest], self._passes[admit.visit] = visit, digest
        asks_for_kinds = bool(admit.kinds) and not self._knowledge.memory.has_answers(visit.route.identity)
        visit.open_in_advance(2 if asks_for_kinds else 1)  # discovery asks for two documents at the same time
        self._worker.tell(Admitted(visit=admit.visit))

    def _dismiss(self, number: int) -> None:
        digest = self._passes.pop(number, None)
        if digest is not None:
            self.start(self._end(self._by_pass.pop(digest)))

    async def _end(self, visit: Visit) -> None:
        await visit.end()
        self._worker.tell(Dismissed(visit=visit.number))

    async def _serve(self, visit: Visit, request: Request, child: ChildConnection) -> None:
        try:
            await Exchange(visit, request, child, self._knowledge).run()
        except Exception as error:  # noqa: BLE001 - the boundary of a request: its fault ends no other one
            failure.tell(error)
            child.abort()

    async def _answer(self, ask: Ask) -> None:
        visit = self._visit(ask.visit)
        answer = await questions.answer(visit, ask.path, self._knowledge) if visit else None
        if answer is None:
            self._worker.tell(Answered(ask=ask.ask, visit=ask.visit))
        else:
            self._worker.tell(Answered(ask=ask.ask, visit=ask.visit, status=answer[0]), memory_file(answer[1]))

    def _visit(self, number: int) -> Visit | None:
        digest = self._passes.get(number)
        return None if digest is None else self._by_pass[digest]


def _digest(pass_: str) -> bytes:
    return hmac.digest(_MAC_KEY, pass_.encode(), "sha256")
