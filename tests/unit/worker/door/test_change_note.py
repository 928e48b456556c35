"""Which change a request is, and what its answer says."""

import json
from typing import Any

import pytest

from shared.changes import Change, ChangeState
from worker.door import change_note
from worker.door.http import request_head
from worker.door.http.child_connection import Request
from worker.door.http.server_connection import AnswerHead
from worker.door.requests import request_info

CONFIG_MAP = {"kind": "ConfigMap", "metadata": {"name": "web"}}


def change(method: str, path: str, body: object = "", *, media_type: str = "application/json") -> Change:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    raw = (
        f"{method} /p{path} HTTP/1.1\r\nHost: h\r\nContent-Type: {media_type}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    head = request_head.parse(raw.encode())
    info = request_info.resolve(head.method, head.target.path, head.target.query)
    return change_note.of(info, Request(head, content), number=1, known_kind="")


@pytest.mark.parametrize(
    ("body", "media_type", "expected"),
    [
        (CONFIG_MAP, "application/json", ("ConfigMap", "web")),
        ({"kind": "ConfigMap", "metadata": {"generateName": "web-"}}, "application/json", ("ConfigMap", "")),
        ({"kind": 1, "metadata": {"name": []}}, "application/json", ("", "")),
        ({"metadata": None}, "application/json", ("", "")),
        ([], "application/json", ("", "")),
        ("no json", "application/json", ("", "")),
        (CONFIG_MAP, "application/vnd.kubernetes.protobuf", ("", "")),
        ({"kind": "\ud800", "metadata": {"name": "x" * 1_000}}, "application/json", ("?", "x" * 512)),
        ("[" * 100_000, "application/json", ("", "")),
    ],
    ids=["named", "generated", "other-types", "null", "list", "no-json", "protobuf", "half-and-long", "deep"],
)
def test_name_and_kind_are_those_of_the_body(body: object, media_type: str, expected: tuple[str, str]) -> None:
    found = change("POST", "/api/v1/namespaces/shop/configmaps", body, media_type=media_type)
    assert (found.kind, found.name) == expected


def test_body_of_a_subresource_names_something_else() -> None:
    found = change("POST", "/api/v1/namespaces/shop/serviceaccounts/web/token", CONFIG_MAP)
    assert (found.resource, found.name, found.kind) == ("serviceaccounts/token", "web", "")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (201, CONFIG_MAP, (ChangeState.DONE, "web", "ConfigMap")),
        (101, None, (ChangeState.DONE, "", "")),
        (409, {"kind": "Status", "metadata": {"name": "x"}}, (ChangeState.FAILED, "", "")),
        (302, None, (ChangeState.FAILED, "", "")),
        (200, [], (ChangeState.DONE, "", "")),
    ],
)
def test_answer_completes_a_change(status: int, body: Any, expected: tuple[ChangeState, str, str]) -> None:
    head = AnswerHead(status, [("content-type", "application/json")])
    begun = change("POST", "/api/v1/namespaces/shop/configmaps")
    done = change_note.completed(begun, head, None if body is None else json.dumps(body).encode())
    assert (done.state, done.name, done.kind) == expected
    assert done.status == status
