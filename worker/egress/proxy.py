"""The proxy on loopback. Each connection belongs to a running job, and is judged, dialled, counted and logged."""

import asyncio
import hmac
import secrets
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from shared import logs, metrics
from shared.models import JobId
from worker import loopback
from worker.egress import relay, socks
from worker.egress.dialer import Dialer, DialError
from worker.egress.policy import DialDecision
from worker.egress.socks import Reply, SocksError, Target

HANDSHAKE_TIMEOUT_S = 10.0
CONNECTIONS_PER_JOB = 64
"""Most connections of one job. A CLI keeps one to its API server and a few to registries."""
MAX_CONNECTIONS = 4_096
"""Most connections of all jobs together, including clients that do not belong to a job."""

_REPLIES = {
    DialDecision.TOO_MANY: Reply.GENERAL_FAILURE,
    DialDecision.UNRESOLVED: Reply.HOST_UNREACHABLE,
    DialDecision.UNREACHABLE: Reply.NETWORK_UNREACHABLE,
}
"""Replies to connections that fail for a reason other than a rule. Each reply has one meaning, as in Tor's proxy."""
PLACE_MARK = b"[proxy of the worker]"
SECRET_MARK = b"[redacted]"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ProxyAccess:
    """The proxy's port and one job's credentials for it. The credentials are invalid after the job has ended."""

    port: int
    user: str
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """The proxy's URL with credentials, for a kubeconfig or the environment. It must never be an argument."""
        return f"socks5://{self.user}:{self.password}@{self.place}"

    @property
    def place(self) -> str:
        """The proxy's `host:port`."""
        return f"{loopback.HOST}:{self.port}"

    @property
    def replaced(self) -> Mapping[bytes, bytes]:
        """Texts of the proxy that a CLI may print → what takes their place."""
        return {
            self.url.encode(): PLACE_MARK,
            self.place.encode(): PLACE_MARK,
            self.password.encode(): SECRET_MARK,
        }


@dataclass(frozen=True, slots=True)
class _Guest:
    """A job whose command may connect, and its current connections."""

    access: ProxyAccess
    subject: Mapping[str, str]
    """Fields for the job's log lines, because the task of a connection has no job bound to its log."""
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)


class EgressProxy:
    """A listening proxy, which `running` creates."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._server: asyncio.Server | None = None
        self._port = 0
        self._guests: dict[str, _Guest] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def running(cls, dialer: Dialer, listener: socket.socket) -> AsyncIterator["EgressProxy"]:
        """Runs a proxy on a listening socket. The end of the block closes it and all connections."""
        proxy = cls(dialer)
        proxy._server = await asyncio.start_server(proxy._accept, sock=listener)
        proxy._port = listener.getsockname()[1]
        try:
            yield proxy
        finally:
            await proxy.close()

    @asynccontextmanager
    async def admit(self, job_id: JobId) -> AsyncIterator[ProxyAccess]:
        """Gives the job access while the block runs. The end of the block closes the job's connections."""
        access = ProxyAccess(self._port, secrets.token_hex(4), secrets.token_hex(16))
        guest = self._guests[access.user] = _Guest(access, {"job_id": job_id, **logs.subject()})
        try:
            yield access
        finally:
            del self._guests[access.user]
            await _cancel(guest.tasks)

    async def close(self) -> None:
        """Stops listening and closes all connections."""
        if self._server is not None:
            self._server.close()
        await _cancel(self._tasks)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        if len(self._tasks) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer), name="egress connection")
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        for guest in self._guests.values():
            guest.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("egress connection failed", error=type(error).__name__)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            try:
                await self._connect(reader, writer)
            except (SocksError, OSError, EOFError) as error:
                log.debug("egress client gave up", reason=type(error).__name__)
            await relay.close(writer)
        finally:
            writer.transport.abort()

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
            guest = await self._guest(reader, writer)
            target = await socks.read_target(reader, writer)
        connected = await self._connection(guest, target, writer)
        if connected is None:
            return
        server = await relay.opened(connected)
        try:
            await relay.carry((reader, writer), server)
            await relay.close(server[1])
        finally:
            server[1].transport.abort()

    async def _guest(self, reader: StreamReader, writer: StreamWriter) -> _Guest:
        user, password = await socks.read_credentials(reader, writer)
        guest = self._guests.get(user)
        are_good = guest is not None and hmac.compare_digest(password, guest.access.password)
        socks.answer_credentials(writer, are_good=are_good)
        if guest is None or not are_good:
            raise SocksError("unknown credentials")
        task = asyncio.current_task()
        if task is not None:
            guest.tasks.add(task)
        return guest

    async def _connection(self, guest: _Guest, target: Target, writer: StreamWriter) -> socket.socket | None:
        """Dials the target and answers the client. Returns None if the dial failed."""
        try:
            if len(guest.tasks) > CONNECTIONS_PER_JOB:
                raise DialError(DialDecision.TOO_MANY)
            server = await self._dialer.connect(target.host, target.port)
        except DialError as error:
            _record(guest, target, error.decision)
            socks.answer(writer, _reply(error))
            return None
        _record(guest, target, DialDecision.ALLOWED)
        socks.answer(writer, Reply.SUCCEEDED)
        return server


def _reply(error: DialError) -> Reply:
    if isinstance(error.reason, ConnectionRefusedError):
        return Reply.CONNECTION_REFUSED
    if isinstance(error.reason, TimeoutError):
        return Reply.TTL_EXPIRED
    return _REPLIES.get(error.decision, Reply.NOT_ALLOWED)


def _record(guest: _Guest, target: Target, decision: DialDecision) -> None:
    metrics.EGRESS_CONNECTIONS.labels(decision).inc()
    log.info("egress", **guest.subject, host=target.host, port=target.port, decision=decision)


async def _cancel(tasks: "set[asyncio.Task[None]]") -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending)
