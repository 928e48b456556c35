"""Writes the heads that the door sends on, from lists of the headers that may pass."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from http import HTTPStatus

from worker.door.http.request_head import Head

Headers = Sequence[tuple[str, str]]

_CHANNEL = re.compile(r"(?:SPDY/3\.1\+)?portforward\.k8s\.io|(?:v[0-9]{1,2}\.)?(?:base64\.)?channel\.k8s\.io")
_OF_UPGRADES = frozenset({"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"})
_ANSWERED = frozenset(
    {"audit-id", "cache-control", "content-encoding", "content-type", "date", "etag", "last-modified", "retry-after"}
    | {"grpc-message", "grpc-status"}
    | {"vary", "warning", "x-kubernetes-pf-flowschema-uid", "x-kubernetes-pf-prioritylevel-uid"}
)
_ANSWERED_TO_UPGRADES = frozenset(
    {"sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-protocol", "x-stream-protocol-version"}
    | {"x-accepted-stream-protocol-versions"}
)
_UPGRADE_NAMES = {"websocket": "websocket", "spdy/3.1": "SPDY/3.1"}


def request(head: Head, target: str, *, added: Headers, body: bytes = b"") -> bytes:
    """Returns a request as it is sent to the API server. The headers that the door adds replace those of the command.

    A header that is added without a value is left out.
    """
    lines = [f"{head.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in added if value)]
    if head.upgrade:
        lines += ["Connection: Upgrade", f"Upgrade: {_UPGRADE_NAMES[head.upgrade]}"]
    replaced = {name.lower() for name, _ in added}
    lines += [f"{name}: {value}" for name, value in _passed_on(head) if name not in replaced]
    if body or head.method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def _passed_on(head: Head) -> Iterable[tuple[str, str]]:
    for name, value in head.headers:
        if name == "sec-websocket-protocol":
            channels = ", ".join(filter(_is_channel, (each.strip() for each in value.split(","))))
            if channels and head.upgrade:
                yield name, channels
        elif name == "x-stream-protocol-version":
            if head.upgrade and _is_channel(value):
                yield name, value
        elif name not in _OF_UPGRADES or head.upgrade:
            yield name, value


def _is_channel(protocol: str) -> bool:
    """Whether a subprotocol only says how streams are carried. Others carry tokens."""
    return bool(_CHANNEL.fullmatch(protocol))


def answer(status: int, headers: Headers, *, framing: str) -> bytes:
    """Returns the head of an answer for the command. `framing` is the header that says where the body ends."""
    lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in headers)]
    if framing:
        lines.append(framing)
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def allowed(answered: Headers, *, is_upgrade: bool = False) -> tuple[tuple[str, str], ...]:
    """Returns the headers of an answer that a command may get."""
    names = _ANSWERED | _ANSWERED_TO_UPGRADES if is_upgrade else _ANSWERED
    return tuple((name, value) for name, value in answered if name in names)


@cache
def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
