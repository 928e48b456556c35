"""Refuses requests that would write a mark in place of a value, or copy a value to where it is not masked."""

import re
from collections.abc import Iterator

from shared.documents import Value
from shared.effects import Effects, SecretValues
from worker.door.masking import marks, releases
from worker.door.requests import bodies, kinds
from worker.door.requests.permission import MASKS, Refusal
from worker.door.requests.request_info import RequestInfo

_PACKED = re.compile(rb"(?:H4sI|SDRzS)[A-Za-z0-9+/]{16,}={0,2}")
_PACKED_TWICE = b"SDRzS"
_PLAIN_OPERATIONS = frozenset({"add", "remove", "replace"})
"""Operations of a JSON patch (RFC 6902) that reveal no values. The others copy, move or test values."""
_MARKED = (
    "the request would write `[masked, N bytes]` in place of a value: masks of Secrets must not be written back. Leave "
    "these keys out (a patch, or `apply` of the other fields, keeps the values), or send the true values."
)
_COPIED = (
    "a JSON patch that copies, moves or tests values of a Secret would show them: use one that only adds, removes and "
    "replaces, or a merge patch."
)


def refusal(effects: Effects, info: RequestInfo, *, body: bytes, content_type: str) -> Refusal | None:
    """Returns why a change must not be made; None if nothing masked is written and no value is copied."""
    if marks.are_in(body) or any(map(marks.are_in, _opened(body))):
        return Refusal(MASKS, _MARKED)
    is_of_secrets = (info.group, info.resource) == kinds.SECRETS and effects.secrets is SecretValues.MASKED
    is_patch = bodies.media_type(content_type) == bodies.JSON_PATCH
    return Refusal(MASKS, _COPIED) if is_of_secrets and is_patch and _copies(body, content_type) else None


def _opened(body: bytes) -> Iterator[bytes]:
    """Yields the content of each release of helm in a body, which may be JSON or protobuf."""
    for match in _PACKED.finditer(body):
        try:
            packed = match[0]
            yield releases.opened(releases.decoded(packed) if packed.startswith(_PACKED_TWICE) else packed)
        except ValueError:
            continue


def _copies(body: bytes, content_type: str) -> bool:
    try:
        operations = bodies.read(body, content_type).get("operations")
    except bodies.UndecidableError:
        return True
    return not isinstance(operations, list) or not all(map(_is_plain, operations))


def _is_plain(operation: Value) -> bool:
    return isinstance(operation, dict) and operation.get("op") in _PLAIN_OPERATIONS
