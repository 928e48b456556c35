"""Sends requests to the API server of a visit, and asks it what the door itself needs to know."""

import asyncio
import uuid
from collections.abc import Mapping

from worker.door.http import headers
from worker.door.http.collection import collect
from worker.door.http.errors import ServerError
from worker.door.http.request_head import Head
from worker.door.http.request_target import Target
from worker.door.http.server_connection import AnswerHead, ServerConnection
from worker.door.requests import impersonation
from worker.door.visits.visit import Visit

JSON = "application/json"
USER_AGENT = ("user-agent", "mcp-k8s")
"""The header of requests that the door makes for itself."""
_SWITCHES = 101
ASK_TIMEOUT_S = 8.0
"""Seconds for an answer that the door itself needs. Its worker waits no longer."""


def written(visit: Visit, head: Head, *, added: Mapping[str, str], body: bytes = b"") -> bytes:
    """Returns a request as it is sent to the visit's server, with its credential and the added headers."""
    target = f"{visit.route.prefix}{head.target.written}"
    identity = impersonation.headers(visit.effects.impersonation, head)
    return headers.request(head, target, added=(*{**visit.route.added_headers, **added}.items(), *identity), body=body)


async def read(visit: Visit, sent: bytes) -> tuple[ServerConnection, AnswerHead]:
    """Sends a request that changes nothing, once more if an open connection turns out to be closed.

    Raises `ServerError`.
    """
    while True:
        connection, is_reused = await visit.connection(for_change=False)
        try:
            return connection, await connection.ask(sent)
        except ServerError as error:
            if not (error.is_unanswered and is_reused):
                raise


async def ask(visit: Visit, target: Target, *, most_bytes: int) -> tuple[int, bytes]:
    """Gets a path as JSON. Returns status and body. Raises `ServerError`, `BadRequestError`."""
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            return await _got(visit, target, most_bytes)
    except TimeoutError:
        raise ServerError("i/o timeout") from None


async def _got(visit: Visit, target: Target, most_bytes: int) -> tuple[int, bytes]:
    head = Head(method="GET", target=target, host="", headers=(("accept", JSON), USER_AGENT))
    connection, answer = await read(visit, written(visit, head, added={"Audit-ID": str(uuid.uuid4())}))
    return answer.status, await collected(visit, connection, answer, most_bytes=most_bytes)


async def collected(visit: Visit, connection: ServerConnection, answer: AnswerHead, *, most_bytes: int) -> bytes:
    """Returns the body of an answer that the door itself needs. Raises `ServerError`."""
    if answer.status == _SWITCHES:
        connection.abort()
        raise ServerError("malformed HTTP response")
    body = await collect(connection, most_bytes)
    visit.give_back(connection)
    return body
