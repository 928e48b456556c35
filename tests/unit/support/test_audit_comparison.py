"""The comparison with the audit log notices what differs, so that its silence means something."""

from typing import Any

import pytest

from shared.changes import Change, ChangeState
from tests.support import audit_comparison
from tests.support.control_plane.audit import COMPLETE, AuditEvent
from tests.support.request_notes import RequestNote


def _event(**fields: Any) -> AuditEvent:
    known: dict[str, Any] = {
        "audit_id": "1",
        "stage": COMPLETE,
        "user": "admin",
        "verb": "create",
        "uri": "/apis/apps/v1/namespaces/shop/deployments",
        "user_agent": "kubectl",
        "group": "apps",
        "version": "v1",
        "resource": "deployments",
        "subresource": "",
        "namespace": "shop",
        "name": "web",
        "code": 201,
        "dry_run": False,
    }
    return AuditEvent(**known | fields)


def _note(**fields: Any) -> RequestNote:
    known: dict[str, Any] = {
        "job_id": "j",
        "tool": "kubectl",
        "command": "create",
        "command_class": "write",
        "audit_id": "1",
        "method": "POST",
        "verb": "create",
        "is_resource": True,
        "group": "apps",
        "version": "v1",
        "resource": "deployments",
        "subresource": "",
        "namespace": "shop",
        "name": "web",
        "path": "/apis/apps/v1/namespaces/shop/deployments",
        "refused_by": "",
        "status": 201,
    }
    return RequestNote(**known | fields)


def _change(**fields: Any) -> Change:
    known: dict[str, Any] = {
        "number": 1,
        "verb": "create",
        "group": "apps",
        "resource": "deployments",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
        "state": ChangeState.DONE,
        "status": 201,
    }
    return Change(**known | fields)


def _differences(notes: list[RequestNote], events: list[AuditEvent]) -> list[str]:
    by_note, by_event = {note.audit_id: note for note in notes}, {event.audit_id: event for event in events}
    return list(audit_comparison.request_differences(by_note, by_event, noted=by_note, audited=by_event))


def test_equal_requests_differ_in_nothing() -> None:
    assert _differences([_note()], [_event()]) == []


@pytest.mark.parametrize("field", audit_comparison.FIELDS)
def test_each_field_that_is_read_differently_is_told(field: str) -> None:
    assert len(_differences([_note(**{field: "other"})], [_event()])) == 1


@pytest.mark.parametrize("code", [201, 400], ids=["chosen by the server", "in a body that was refused unread"])
def test_name_that_the_audit_log_lacks_is_no_difference(code: int) -> None:
    assert _differences([_note(status=code)], [_event(name="", code=code)]) == []


def test_request_that_one_side_lacks_is_told() -> None:
    assert len(_differences([_note()], [])) == 1
    assert len(_differences([], [_event()])) == 1


@pytest.mark.parametrize(
    "event", [_event(user_agent="mcp-k8s"), _event(user="system:node")], ids=["of the door", "of another user"]
)
def test_request_that_no_command_has_sent_is_no_difference(event: AuditEvent) -> None:
    assert _differences([], [event]) == []


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        ([_change()], [_event()]),
        ([_change(name="web-x7")], [_event(name="")]),
        ([_change(state=ChangeState.ON_ITS_WAY, status=None)], []),
        ([_change(state=ChangeState.ON_ITS_WAY, status=None)], [_event()]),
        ([_change(state=ChangeState.REFUSED, status=None)], []),
        ([_change(verb="exec", resource="pods/exec")], [_event(verb="get", resource="pods", subresource="exec")]),
        ([], [_event(dry_run=True)]),
        ([], [_event(group="authorization.k8s.io", resource="selfsubjectaccessreviews")]),
    ],
    ids=["equal", "named by the server", "not arrived", "arrived", "refused", "a stream", "a dry run", "a question"],
)
def test_changes_that_agree_differ_in_nothing(changes: list[Change], events: list[AuditEvent]) -> None:
    assert list(audit_comparison.change_differences(changes, events)) == []


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        ([], [_event()]),
        ([_change()], []),
        ([_change()], [_event(), _event()]),
        ([_change(state=ChangeState.REFUSED, status=None)], [_event()]),
    ],
    ids=["not told", "not done", "done twice", "refused and done"],
)
def test_change_that_one_side_lacks_is_told(changes: list[Change], events: list[AuditEvent]) -> None:
    assert len(list(audit_comparison.change_differences(changes, events))) == 1
