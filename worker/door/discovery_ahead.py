"""Asks for the second document of discovery while the first one is on its way.

A client asks for `/api`, and for `/apis` only when it has the answer, which costs another round trip to the server
(client-go, `discovery.DiscoveryClient.GroupsAndMaybeResources`). What was asked ahead serves one request of the command
that it was asked for: another command could begin after the answer, and has to see what was installed before it began.
"""

import asyncio
import uuid
from dataclasses import replace

from worker.door import forwarding, recall
from worker.door.http import headers
from worker.door.http.child_connection import Request
from worker.door.http.errors import BadRequestError, ServerError
from worker.door.recall import Recall
from worker.door.requests import discovery
from worker.door.requests.memory import Answer, Key, Memory
from worker.door.visits.visit import Visit

_FIRST, _SECOND = "/api", "/apis"
_SHAPING = frozenset({"accept", "accept-encoding"})
"""Headers that decide how an answer is written."""
_OK = 200


def begin(visit: Visit, request: Request, memory: Memory) -> None:
    """Asks for the second document if the request is for the first one and a connection is there for each."""
    if request.head.target.path != _FIRST or visit.asked_ahead is not None or not visit.has_connections(2):
        return
    second = _second(request)
    known = recall.of(memory, visit, second)
    if known is not None and known.fresh is None:
        task = asyncio.get_running_loop().create_task(_ask(visit, second, known), name="discovery ahead")
        visit.asked_ahead = known.key, task


async def answer(visit: Visit, key: Key) -> Answer | None:
    """Returns the answer that was asked for ahead; None if there is none."""
    if visit.asked_ahead is None or visit.asked_ahead[0] != key:
        return None
    _, task = visit.asked_ahead
    visit.asked_ahead = None
    return await task


def _second(request: Request) -> Request:
    """Returns the request that will follow, as one of the door itself."""
    shaping = tuple(pair for pair in request.head.headers if pair[0] in _SHAPING)
    target = replace(request.head.target, path=_SECOND)
    return Request(replace(request.head, target=target, headers=(*shaping, forwarding.USER_AGENT)), b"")


async def _ask(visit: Visit, second: Request, known: Recall) -> Answer | None:
    added = {"Audit-ID": str(uuid.uuid4()), **known.added}
    try:
        head, body = await forwarding.get(visit, second.head, added=added, most_bytes=discovery.MOST_BYTES)
    except (ServerError, BadRequestError):
        return None
    confirmed = known.confirmed(head)
    if confirmed is not None or head.status != _OK or head.ends_with_connection:
        return confirmed
    known.keep(head, body)
    return Answer(headers.allowed(head.headers), body)
