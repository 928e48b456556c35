"""Reads the head of a request by one strict grammar, so that the door and the API server cannot read it differently.

The head is written anew for the API server. What is not understood here is never passed on: an unusual head is refused,
and a header that is not on the list is left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.door.http import request_target
from worker.door.http.errors import BadRequestError
from worker.door.http.request_target import Target

END = b"\r\n\r\n"
MOST_LINE_BYTES = 64 * 1024
"""Longest request line: the query of `exec` has the whole command."""
MOST_HEADERS_BYTES = 64 * 1024
MOST_HEADERS = 100
MOST_BODY_BYTES = 8 * 1024 * 1024
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

_LINE = re.compile(rb"(?P<method>[!#$%&'*+.^_`|~0-9A-Za-z-]+) (?P<target>[!-~]+) HTTP/1\.1")
_HEADER = re.compile(rb"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(?P<value>(?:[!-~](?:[\t -~]*[!-~])?)?)[ \t]*")
IMPERSONATION = "impersonate-"
"""Beginning of the headers that ask for another identity. Their values are never read."""
_LENGTH = re.compile(r"[0-9]{1,15}")
_REPEATABLE = frozenset(
    {"accept", "accept-encoding", "connection", "sec-websocket-extensions", "sec-websocket-protocol"}
    | {"x-stream-protocol-version", IMPERSONATION}
)
_FORWARDED = frozenset(
    {"accept", "accept-encoding", "content-type", "if-modified-since", "if-none-match", "user-agent"}
    | {"sec-websocket-extensions", "sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version"}
    | {"x-stream-protocol-version"}
)
"""Headers that are passed on. None of them says who the caller is."""
_READ = (
    _FORWARDED | {"connection", "content-length", "expect", "host", "transfer-encoding", "upgrade"} | {IMPERSONATION}
)
_UPGRADES = {"websocket": frozenset({"GET"}), "spdy/3.1": frozenset({"GET", "POST"})}
_WITHOUT_BODY = frozenset({"GET"})
GRPC_WEB = "application/grpc-web+proto"
"""Media type of the requests of argocd."""
_BODY_TYPES = frozenset(
    {"", "application/json", "application/yaml", "application/cbor", "application/vnd.kubernetes.protobuf"}
    | {"application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"}
    | {"application/apply-patch+yaml", "application/apply-patch+cbor", GRPC_WEB}
)
"""Media types that servers read. Without one API servers read JSON."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request that the door understands."""

    method: str
    target: Target
    host: str
    headers: tuple[tuple[str, str], ...]
    """The headers that may be passed on. Names are in lower case."""
    content_length: int = 0
    is_chunked: bool = False
    upgrade: str = ""
    """The protocol in lower case to which the connection shall change; empty if it shall not."""
    expects_continue: bool = False
    keeps_connection: bool = True
    impersonates: bool = False
    """Whether the command asks for another identity."""

    def header(self, name: str) -> str:
        """Returns the value of a header, or of the first one of that name; empty if there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Returns the values of all headers of a name."""
        return tuple(value for known, value in self.headers if known == name)


def parse(raw: bytes) -> Head:
    """Reads a head with the empty line that ends it. Raises `BadRequestError`."""
    line, *lines = raw.removesuffix(END).split(b"\r\n")
    method, target = _read_line(line)
    if len(raw) - len(line) > MOST_HEADERS_BYTES:
        raise BadRequestError(f"its headers have more than {MOST_HEADERS_BYTES} bytes", 431)
    fields = _read_fields(lines)
    content_length, is_chunked = _framing(fields)
    upgrade = _upgrade(method, fields)
    if content_length or is_chunked:
        _check_body(method, fields, upgrade=upgrade)
    return Head(
        method=method,
        target=target,
        host=_one(fields, "host"),
        headers=tuple((name, value) for name, values in fields.items() if name in _FORWARDED for value in values),
        content_length=content_length,
        is_chunked=is_chunked,
        upgrade=upgrade,
        expects_continue=_expects_continue(fields),
        keeps_connection="close" not in _tokens(fields.get("connection", ())),
        impersonates=IMPERSONATION in fields,
    )


def _read_line(line: bytes) -> tuple[str, Target]:
    if len(line) > MOST_LINE_BYTES:
        raise BadRequestError(f"its first line has more than {MOST_LINE_BYTES} bytes", 414)
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadRequestError("its first line is not one of HTTP/1.1")
    method = match["method"].decode()
    if method not in METHODS:
        raise BadRequestError("its method is not one of an API request", 405)
    return method, request_target.parse(match["target"])


def _read_fields(lines: Sequence[bytes]) -> dict[str, list[str]]:
    """Returns the headers that are read at all: name in lower case → values."""
    if len(lines) > MOST_HEADERS:
        raise BadRequestError(f"it has more than {MOST_HEADERS} headers", 431)
    fields: dict[str, list[str]] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise BadRequestError("one of its headers is not valid")
        name = match["name"].decode().lower()
        if name == "http2-settings":
            raise BadRequestError("it asks for HTTP/2")
        name = IMPERSONATION if name.startswith(IMPERSONATION) else name
        if name in _READ:
            fields.setdefault(name, []).append(match["value"].decode())
    for name, values in fields.items():
        if len(values) > 1 and name not in _REPEATABLE:
            raise BadRequestError(f"it has the header {name} more than once")
    return fields


def _one(fields: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(fields.get(name, ())), "")


def _tokens(values: Sequence[str]) -> frozenset[str]:
    return frozenset(token.strip().lower() for value in values for token in value.split(","))


def _framing(fields: Mapping[str, Sequence[str]]) -> tuple[int, bool]:
    """Returns the length of the body, and whether it is chunked instead."""
    if "transfer-encoding" in fields:
        if "content-length" in fields:
            raise BadRequestError("it has both Content-Length and Transfer-Encoding")
        if _one(fields, "transfer-encoding").lower() != "chunked":
            raise BadRequestError("its Transfer-Encoding is not chunked")
        return 0, True
    if "content-length" not in fields:
        return 0, False
    written = _one(fields, "content-length")
    if not _LENGTH.fullmatch(written):
        raise BadRequestError("its Content-Length is not a number")
    if int(written) > MOST_BODY_BYTES:
        raise BadRequestError(f"its body has more than {MOST_BODY_BYTES} bytes", 413)
    return int(written), False


def _check_body(method: str, fields: Mapping[str, Sequence[str]], *, upgrade: str) -> None:
    if method in _WITHOUT_BODY or upgrade:
        raise BadRequestError("a request like this has no body")
    if _one(fields, "content-type").partition(";")[0].strip().lower() not in _BODY_TYPES:
        raise BadRequestError("the type of its body is not one that API servers read", 415)


def _upgrade(method: str, fields: Mapping[str, Sequence[str]]) -> str:
    asks = "upgrade" in _tokens(fields.get("connection", ()))
    if "upgrade" not in fields and not asks:
        return ""
    protocol = _one(fields, "upgrade").lower()
    if not asks or method not in _UPGRADES.get(protocol, ()):
        raise BadRequestError("it asks for a protocol other than WebSocket and SPDY")
    return protocol


def _expects_continue(fields: Mapping[str, Sequence[str]]) -> bool:
    expected = _one(fields, "expect").lower()
    if expected not in {"", "100-continue"}:
        raise BadRequestError("it expects something other than 100-continue", 417)
    return bool(expected)
