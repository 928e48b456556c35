"""Asks for the second document of discovery while the first one is on its way.

A client asks for `/api`, and for `/apis` only when it has the answer, which costs another round trip to the server
(client-go, `discovery.DiscoveryClient.GroupsAndMaybeResources`). What was asked ahead serves one request of the command
that it was asked for: another command could begin after the answer, and has to see what was installed before it began.
It does not serve a command that has changed the kinds or has asked for the first document again since then.
"""

import asyncio
from dataclasses import replace

from worker.door import forwarding, recall
from worker.door.http import headers
from worker.door.http.child_connection import Request
from worker.door.http.errors import BadRequestError, ServerError
from worker.door.recall import Recall
from worker.door.requests import discovery
from worker.door.requests.memory import Answer, Memory
from worker.door.visits.asked_ahead import AskedAhead
from worker.door.visits.visit import Visit

_FIRST, _SECOND = "/api", "/apis"
_OK = 200


def begin(visit: Visit, request: Request, memory: Memory) -> None:
    """Asks for the second document if the request is for the first one and a connection is there for each."""
    if request.head.target.path != _FIRST:
        return
    if visit.asked_ahead is not None:
        visit.asked_ahead.give_up()
        visit.asked_ahead = None
    second = _second(request)
    known = recall.of(memory, visit, second)
    if known is not None and known.fresh is None and visit.has_connections(2):
        ahead = visit.asked_ahead = AskedAhead(known.key, known.asked_at)
        asking = _ask(visit, second, known, ahead=ahead)
        ahead.task = asyncio.get_running_loop().create_task(asking, name="discovery ahead")


async def answer(visit: Visit, known: Recall) -> tuple[Answer, str] | None:
    """Returns the answer that was asked for ahead, and the `Audit-ID` with which it was; None if there is none."""
    ahead = visit.asked_ahead
    if ahead is None or ahead.task is None or ahead.key != known.key:
        return None
    visit.asked_ahead = None
    if not ahead.is_sent:
        ahead.give_up()
        return None
    found = await ahead.task
    if found is None or known.memory.is_outdated(known.key.identity, ahead.asked_at):
        return None
    return found, ahead.audit_id


def _second(request: Request) -> Request:
    """Returns the request that will follow, as one of the door itself."""
    shaping = tuple(pair for pair in request.head.headers if pair[0] in recall.SHAPING)
    target = replace(request.head.target, path=_SECOND)
    return Request(replace(request.head, target=target, headers=(*shaping, forwarding.USER_AGENT)), b"")


async def _ask(visit: Visit, second: Request, known: Recall, *, ahead: AskedAhead) -> Answer | None:
    try:
        sent = forwarding.written(visit, second.head, added={"Audit-ID": ahead.audit_id, **known.added})
        connection, _ = await visit.connection(for_change=False)
        ahead.is_sent = True
        head = await connection.ask(sent)
        body = await forwarding.collected(visit, connection, head, most_bytes=discovery.MOST_BYTES)
    except (ServerError, BadRequestError):
        return None
    confirmed = known.confirmed(head)
    if confirmed is not None or head.status != _OK or head.ends_with_connection:
        return confirmed
    known.keep(head, body)
    return Answer(headers.allowed(head.headers), body)
