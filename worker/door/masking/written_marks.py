"""Refuses requests that would write a mark in place of a value, or copy a value to where it is not masked."""

import re
from collections.abc import Iterator

from shared.documents import Value
from shared.effects import Effects, SecretValues
from worker.door.masking import marks, releases, stored_releases
from worker.door.masking.budget import MOST_OPENED, MOST_UNPACKED_BYTES, Budget, TooCostlyError
from worker.door.requests import bodies, kinds
from worker.door.requests.permission import MASKS, Refusal
from worker.door.requests.request_info import RequestInfo

_PACKED = re.compile(rb"(?:H4sI|SDRzS)[A-Za-z0-9+/]{16,}={0,2}")
_PLAIN_OPERATIONS = frozenset({"add", "remove", "replace"})
"""Operations of a JSON patch (RFC 6902) that reveal no values. The others copy, move or test values."""
_MARKED = (
    "the request would write `[masked, N bytes]` in place of a value: masks of Secrets must not be written back. Leave "
    "these keys out (a patch, or `apply` of the other fields, keeps the values), or send the true values."
)
_TOO_COSTLY = (
    f"the request writes releases of helm that are more than {MOST_OPENED} or longer than "
    f"{MOST_UNPACKED_BYTES // 1024 // 1024} MiB when unpacked, and cannot be searched for masks of Secrets: write "
    "fewer at once, or of a smaller chart."
)
_COPIED = (
    "a JSON patch that copies, moves or tests values of a Secret would show them: use one that only adds, removes and "
    "replaces, or a merge patch."
)


def refusal(effects: Effects, info: RequestInfo, *, body: bytes, content_type: str) -> Refusal | None:
    """Returns why a change must not be made; None if nothing masked is written and no value is copied."""
    try:
        is_marked = marks.are_in(body) or any(map(marks.are_in, _opened(info, body)))
    except TooCostlyError:
        return Refusal(MASKS, _TOO_COSTLY)
    if is_marked:
        return Refusal(MASKS, _MARKED)
    is_of_secrets = (info.group, info.resource) == kinds.SECRETS and effects.secrets is SecretValues.MASKED
    is_patch = bodies.media_type(content_type) == bodies.JSON_PATCH
    return Refusal(MASKS, _COPIED) if is_of_secrets and is_patch and _copies(body, content_type) else None


def _opened(info: RequestInfo, body: bytes) -> Iterator[bytes]:
    """Yields what is packed in an object in which helm keeps a release, in JSON or protobuf.

    Raises `TooCostlyError`.
    """
    is_stored = (info.group, info.resource) in {kinds.SECRETS, kinds.CONFIG_MAPS}
    if not (is_stored and (stored_releases.may_be_in(info.name.encode()) or stored_releases.may_be_in(body))):
        return
    budget = Budget()
    for match in _PACKED.finditer(body):
        try:
            yield releases.opened(match[0], budget)
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
