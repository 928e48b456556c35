"""Connects to API servers for the door, which makes no connection itself.

The worker knows the server of each visit, so a door that was taken over can reach no other place. Each connection is
judged, counted and logged as one of the worker's proxy is.
"""

import asyncio
import errno
import os
from collections import Counter
from collections.abc import Callable

import structlog

from shared import metrics
from shared.network import endpoints
from worker.door.client.visit import Visit
from worker.door.messages import Dialled
from worker.egress.dialer import Dialer, DialError
from worker.egress.policy import DialDecision

log = structlog.get_logger()

_REASONS = {
    DialDecision.UNRESOLVED: "lookup {host}: no such host",
    DialDecision.UNREACHABLE: "dial tcp {place}: i/o timeout",
}
_KNOWN_REASONS = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ECONNRESET})
MOST_DIALS = 256
"""Most attempts of one visit at the same time: as many as it may have connections."""


class Dialling:
    """The connections that are being made for one door."""

    def __init__(self, dialer: Dialer, send: Callable[..., None]) -> None:
        self._dialer = dialer
        self._send = send
        self._tasks: set[asyncio.Task[None]] = set()
        self._dials: Counter[int] = Counter()

    def dial(self, number: int, visit: Visit) -> None:
        """Connects to the visit's server, and sends the door the socket or the reason why there is none."""
        if self._dials[visit.number] >= MOST_DIALS:
            self._send(Dialled(dial=number, error="too many connections"))
            return
        self._dials[visit.number] += 1
        task = asyncio.create_task(self._dial(number, visit), name=f"dial for {visit.job_id}")
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._forget(ended, visit))

    async def close(self) -> None:
        """Ends all attempts."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _forget(self, ended: "asyncio.Task[None]", visit: Visit) -> None:
        self._tasks.discard(ended)
        self._dials[visit.number] -= 1
        if not self._dials[visit.number]:
            del self._dials[visit.number]

    async def _dial(self, number: int, visit: Visit) -> None:
        endpoint = endpoints.parse(visit.address.access.server)
        if endpoint is None:
            self._send(Dialled(dial=number, error="its address is not valid"))
            return
        try:
            connected = await self._dialer.connect(endpoint.host, endpoint.port)
        except DialError as error:
            _record(visit, endpoint, error.decision)
            self._send(Dialled(dial=number, error=_reason(error, endpoint)))
            return
        _record(visit, endpoint, DialDecision.ALLOWED)
        self._send(Dialled(dial=number), connected.detach())


def _reason(error: DialError, endpoint: endpoints.Endpoint) -> str:
    """Returns the reason in the words that Go's programs use, or the rule that refuses the address."""
    place = f"{endpoints.bracketed(endpoint.host)}:{endpoint.port}"
    if error.reason is not None and error.reason.errno in _KNOWN_REASONS:
        return f"dial tcp {place}: connect: {os.strerror(error.reason.errno).lower()}"
    text = _REASONS.get(error.decision)
    if text is None:
        return f"dial tcp {place}: not allowed by ruleset of this worker: {error.decision}"
    return text.format(host=endpoint.host, place=place)


def _record(visit: Visit, endpoint: endpoints.Endpoint, decision: DialDecision) -> None:
    metrics.EGRESS_CONNECTIONS.labels(decision).inc()
    log.info("egress", **visit.subject, host=endpoint.host, port=endpoint.port, decision=decision)
