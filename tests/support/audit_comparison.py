"""Compares what the door has seen of commands' requests and changes with the API servers' audit logs.

Requests are joined by their Audit-ID, which the door sets.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from shared.changes import Change, ChangeState
from tests.support.control_plane.audit import AuditEvent
from tests.support.request_notes import RequestNote

USERS = frozenset({"admin", "viewer"})
"""Users of the control plane that act through the product only."""
DOOR = "mcp-k8s"
"""User agent of the requests that the door makes for itself, not for a command."""
FIELDS = ("verb", "group", "version", "resource", "subresource", "namespace", "name")
OPEN = ChangeState.ON_ITS_WAY
FORWARDED = frozenset({ChangeState.DONE, ChangeState.FAILED, OPEN})
_CONNECTIONS = frozenset({"exec", "attach", "portforward", "proxy"})
_REVIEWS = frozenset({"authentication.k8s.io", "authorization.k8s.io"})
_UNAUTHORIZED, _BAD_GATEWAY, _UNAVAILABLE = 401, 502, 503


def makes_a_change(event: AuditEvent) -> bool:
    """Whether the request changed something, or may have."""
    if event.dry_run or (event.group in _REVIEWS and event.resource.endswith("reviews")):
        return False
    return event.is_change or event.subresource in _CONNECTIONS


def request_differences(
    notes: Mapping[str, RequestNote],
    events: Mapping[str, AuditEvent],
    *,
    noted: Iterable[str],
    audited: Iterable[str],
) -> Iterator[str]:
    """Yields a line for each request that the two sides know differently, or only one of them knows.

    `noted` and `audited` are the ids to look at; the mappings may hold more.
    """
    for audit_id in noted:
        note = notes[audit_id]
        if audit_id in events:
            yield from _field_differences(note, events[audit_id])
        elif not _may_be_unaudited(note):
            yield f"the audit log lacks {_told(note)}"
    for audit_id in audited:
        event = events[audit_id]
        if audit_id not in notes and event.user in USERS and event.user_agent != DOOR:
            yield f"the door lacks {event.user}: {event.verb} {event.uri} {event.code} by {event.user_agent}"


def change_differences(changes: Iterable[Change], events: Iterable[AuditEvent]) -> Iterator[str]:
    """Yields a line for each change that only one side knows. Both are of one job.

    A change of which the job knows no outcome may be in the audit log or not.
    """
    known = sorted((change for change in changes if change.state in FORWARDED), key=lambda change: change.state == OPEN)
    for event in filter(makes_a_change, events):
        found = next((change for change in known if _is_same(change, event)), None)
        if found is None:
            yield f"the job's changes lack {event.verb} {event.uri} {event.code}"
        else:
            known.remove(found)
    for change in known:
        if change.state is not OPEN and change.status != _UNAUTHORIZED:
            yield f"the audit log lacks {change.verb} {change.resource} {change.subject} {change.status}"


def _is_same(change: Change, event: AuditEvent) -> bool:
    """Whether the job and the audit log tell of the same change.

    The log lacks names that the server has chosen, and has 101 for streams that the kubelet refused.
    """
    is_stream = event.subresource in _CONNECTIONS
    verb = event.subresource if is_stream else event.verb
    resource = "/".join(filter(None, (event.resource, event.subresource)))
    return (
        (change.verb, change.group, change.resource, change.namespace) == (verb, event.group, resource, event.namespace)
        and (change.name == event.name or not event.name or not change.name)
        and (is_stream or change.status in {event.code, None} or not event.code)
    )


def by_job(notes: Mapping[str, RequestNote], events: Mapping[str, AuditEvent]) -> dict[str, list[AuditEvent]]:
    """Returns the events of each job that has sent a request."""
    found: defaultdict[str, list[AuditEvent]] = defaultdict(list)
    for note in notes.values():
        if note.audit_id in events:
            found[note.job_id].append(events[note.audit_id])
        else:
            found[note.job_id] += []
    return found


def _field_differences(note: RequestNote, event: AuditEvent) -> Iterator[str]:
    if event.code == _UNAUTHORIZED:
        return
    if event.resource:
        compared = FIELDS[:-1] if _is_unnamed(event) else FIELDS
        door, server = (tuple(getattr(side, field) for field in compared) for side in (note, event))
    else:
        door, server = (note.verb, note.is_resource), (event.verb, False)
    if door != server:
        yield f"{_told(note)}: the door reads {door}, the API server {server}"


def _is_unnamed(event: AuditEvent) -> bool:
    """Whether the log lacks the name of an object to create: the server chose it, or refused the body unread."""
    return event.verb == "create" and not event.name


def _may_be_unaudited(note: RequestNote) -> bool:
    """Whether the request may not have reached the API server, because something else answered or nothing did."""
    is_remembered = note.method == "GET" and not note.is_resource
    return is_remembered or bool(note.refused_by) or note.status in {None, _UNAUTHORIZED, _BAD_GATEWAY, _UNAVAILABLE}


def _told(note: RequestNote) -> str:
    return f"{note.tool} {note.command}: {note.method} {note.path} {note.status}"
