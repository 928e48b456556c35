"""Writes the headers of another identity: https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/"""

from collections.abc import Iterator
from urllib.parse import quote

from shared.effects import Impersonation
from worker.door.http.errors import BadRequestError
from worker.door.http.request_head import Head
from worker.door.requests import memory

_KEPT_IN_KEYS = "!#$&'*+-.^_`|~"


def check(identity: Impersonation | None, head: Head) -> None:
    """Raises `BadRequestError` if the command asks for another identity and has none: it would have its own rights."""
    if head.impersonates and identity is None:
        raise BadRequestError("it impersonates another identity", 403)


def headers(identity: Impersonation | None, head: Head) -> tuple[tuple[str, str], ...]:
    """Returns the headers for a request. What may be remembered is asked for in the caller's own identity."""
    if identity is None or memory.may_keep(head.method, head.target.path):
        return ()
    return tuple((name, _written(value)) for name, value in _told(identity))


def _told(identity: Impersonation) -> Iterator[tuple[str, str]]:
    yield "Impersonate-User", identity.user
    yield from (("Impersonate-Group", group) for group in identity.groups)
    yield "Impersonate-Uid", identity.uid
    yield from ((f"Impersonate-Extra-{quote(key.lower(), safe=_KEPT_IN_KEYS)}", value) for key, value in identity.extra)


def _written(value: str) -> str:
    """Returns the text whose bytes are those of the value in UTF-8, as client-go sends it."""
    return value.encode().decode("latin-1")
