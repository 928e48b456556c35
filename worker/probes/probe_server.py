"""A worker's optional HTTP server for /metrics, /livez and /readyz.

It asks neither Redis nor a job, and nothing that it returns is secret. It speaks as much HTTP/1.1 (RFC 9112) as probes
and Prometheus need: one GET for each connection. Time, bytes and connections of clients are limited.
"""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared import metrics
from shared.network import endpoints

MAX_CONNECTIONS = 16
HEAD_BYTES = 16 * 1024
EXCHANGE_TIMEOUT_S = 5.0
JSON = "application/json"
CLUSTER_SUFFIXES = (".svc", ".svc.cluster.local")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    status: HTTPStatus
    body: bytes
    content_type: str = JSON

    @classmethod
    def of(cls, code: HTTPStatus, **fields: object) -> "Answer":
        return cls(code, json.dumps(fields).encode())


@dataclass(frozen=True, slots=True)
class WorkerReadiness:
    """Why the worker takes no jobs, or None if it does, and its tools and sandbox."""

    shortcoming: str | None
    facts: Mapping[str, object]


class Listener:
    """Serves the probes. `measure` updates the gauges, `readiness` returns the readiness. Both return at once."""

    def __init__(self, measure: Callable[[], None], readiness: Callable[[], WorkerReadiness]) -> None:
        self._measure = measure
        self._readiness = readiness
        self._exchanges: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self, host: str, port: int) -> AsyncIterator[int]:
        """Listens while the block runs and yields the port. Raises OSError if it cannot listen."""
        server = await asyncio.start_server(self._accept, host, port, limit=HEAD_BYTES)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for exchange in self._exchanges:
                exchange.cancel()
            await asyncio.gather(*self._exchanges, return_exceptions=True)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        if len(self._exchanges) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        exchange = asyncio.create_task(self._exchange(reader, writer), name="metrics exchange")
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._exchanges.discard)

    async def _exchange(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            async with asyncio.timeout(EXCHANGE_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                _write(writer, self._answer(head))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            log.debug("metrics client gave up", reason=type(error).__name__)
        except Exception:
            log.exception("metrics request failed")
        finally:
            writer.transport.abort()

    def _answer(self, head: bytes) -> Answer:
        request, *lines = head.decode("latin-1").split("\r\n")
        method, _, target = request.partition(" ")
        path = target.partition(" ")[0].partition("?")[0]
        if not _is_meant_for_us(lines):
            return Answer.of(HTTPStatus.FORBIDDEN, detail="Web pages must not read this.")
        if method != "GET":
            return Answer.of(HTTPStatus.METHOD_NOT_ALLOWED, detail="Only GET is supported.")
        if path == "/metrics":
            self._measure()
            return Answer(HTTPStatus.OK, generate_latest(metrics.WORKER), CONTENT_TYPE_LATEST)
        if path == "/livez":
            return Answer.of(HTTPStatus.OK, status="alive")
        if path == "/readyz":
            return _ready(self._readiness())
        return Answer.of(HTTPStatus.NOT_FOUND, detail="The paths are /metrics, /livez and /readyz.")


def _ready(readiness: WorkerReadiness) -> Answer:
    if readiness.shortcoming is None:
        return Answer.of(HTTPStatus.OK, status="ready", **readiness.facts)
    code = HTTPStatus.SERVICE_UNAVAILABLE
    return Answer.of(code, status="not ready", reason=readiness.shortcoming, **readiness.facts)


def _is_meant_for_us(lines: list[str]) -> bool:
    """Returns whether the Host is an address or a cluster name, or has no dot. DNS rebinding can use none of these."""
    headers = [line.partition(":") for line in lines]
    hosts = [value.strip().lower() for name, _, value in headers if name.lower() == "host"]
    if len(hosts) != 1 or any(name.lower() == "origin" for name, _, _ in headers):
        return False
    [authority] = hosts
    name = authority.partition("]")[0].removeprefix("[") if authority.startswith("[") else authority.partition(":")[0]
    return "." not in name or name.endswith(CLUSTER_SUFFIXES) or endpoints.parse_address(name) is not None


def _write(writer: StreamWriter, answer: Answer) -> None:
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        "Cache-Control: no-store",
        "Connection: close",
    )
    writer.write("\r\n".join((*head, "", "")).encode() + answer.body)
