"""Reads what the API server noted of the requests that it served: the truth that the product's own notes are held to.

The file is written in the order of the events' ends, each a moment after the client has its answer.
https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.waiting import wait_until

CHANGING_VERBS = frozenset({"create", "update", "patch", "delete", "deletecollection"})
COMPLETE = "ResponseComplete"
STARTED = "ResponseStarted"
"""The stage of a request that streams, as soon as its answer has begun."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One stage of one request. What the request did not name is empty."""

    audit_id: str
    stage: str
    user: str
    verb: str
    uri: str
    user_agent: str
    group: str
    version: str
    resource: str
    subresource: str
    namespace: str
    name: str
    """For a creation the name that the body or the server gave, where the server's note has it."""
    code: int
    dry_run: bool
    """Whether nothing came of it: said in the query, or in the body of a deletion."""

    @property
    def is_change(self) -> bool:
        """Whether the verb is one that changes, dry runs included."""
        return self.verb in CHANGING_VERBS

    @property
    def is_of_a_resource(self) -> bool:
        return bool(self.resource)


class AuditLog:
    """The file that one API server appends to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0
        self._events: list[AuditEvent] = []

    def mark(self) -> int:
        """A place in the log, after what it holds by now, for `events`."""
        self._read()
        return len(self._events)

    def events(self, *, since: int = 0, users: Sequence[str] = (), stage: str = COMPLETE) -> list[AuditEvent]:
        """Those of that stage that were noted after the mark, of these users where some are named."""
        self._read()
        return [event for event in self._events[since:] if event.stage == stage and (not users or event.user in users)]

    def find(self, audit_id: str, *, stage: str = COMPLETE) -> AuditEvent | None:
        self._read()
        found = (event for event in reversed(self._events) if (event.audit_id, event.stage) == (audit_id, stage))
        return next(found, None)

    async def wait_for(self, audit_id: str, *, stage: str = COMPLETE) -> AuditEvent:
        """The event of a request whose answer has come; it is noted a moment later."""
        await wait_until(lambda: self.find(audit_id, stage=stage) is not None)
        found = self.find(audit_id, stage=stage)
        assert found is not None
        return found

    def _read(self) -> None:
        """The lines that were added, but for one that is being written."""
        if not self._path.exists():
            return
        with self._path.open("rb") as log:
            log.seek(self._read_bytes)
            whole, _, _ = log.read().rpartition(b"\n")
        if whole:
            self._read_bytes += len(whole) + 1
            self._events += [_event(json.loads(line)) for line in whole.splitlines()]


def _event(found: Mapping[str, Any]) -> AuditEvent:
    target = found.get("objectRef", {})
    return AuditEvent(
        audit_id=found["auditID"],
        stage=found["stage"],
        user=found.get("user", {}).get("username", ""),
        verb=found["verb"],
        uri=found["requestURI"],
        user_agent=found.get("userAgent", ""),
        group=target.get("apiGroup", ""),
        version=target.get("apiVersion", ""),
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=found.get("responseStatus", {}).get("code", 0),
        dry_run=_is_dry_run(found),
    )


def _is_dry_run(found: Mapping[str, Any]) -> bool:
    """As the API server takes it: the body of a deletion, where there is one, overrules the query."""
    options = found.get("requestObject")
    if options is not None:
        return bool(options.get("dryRun"))
    return bool(parse_qs(urlsplit(found["requestURI"]).query).get("dryRun"))
