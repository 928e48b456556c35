"""How argocd reaches its server: through the door, to which it speaks grpc-web without TLS.

The flags that say how to connect are obeyed by the door, and the child does not get them.
"""

import re
from collections.abc import Iterator, Mapping

from shared.command.reading import Reading
from shared.errors import ErrorCode, RequestError
from shared.tools.own_server import OwnServer

CONNECTION_FLAGS = frozenset({"grpc-web", "grpc-web-root-path", "insecure", "plaintext"})
_HEADER = re.compile(r"(?P<name>[A-Za-z0-9_-]+):[ \t]*(?P<value>[!-~](?:[\t -~]*[!-~])?)[ \t]*")
_RESERVED = re.compile(
    r"(?i:accept|accept-encoding|audit-id|authorization|connection|content-.*|cookie|expect|grpc-.*|host|impersonate-.*"
    r"|keep-alive|sec-.*|te|token|trailer|transfer-encoding|upgrade|user-agent|x-remote-.*)"
)
"""Headers that say who the caller is or how the request is read, which the door writes."""


def of(reading: Reading) -> OwnServer | None:
    """Returns how the command reaches its server; None if it works without one."""
    if reading.has("core"):
        return None
    root = (reading.text("grpc-web-root-path") or "").strip("/")
    return OwnServer(
        scheme="http" if reading.is_on("plaintext") else "https",
        root_path=f"/{root}" if root else "",
        skips_verification=reading.is_on("insecure"),
        headers=tuple(_headers(reading)),
    )


def _headers(reading: Reading) -> Iterator[tuple[str, str]]:
    """Yields the headers that the command adds. Raises `RequestError` for one that may not be added."""
    for text in reading.texts("header"):
        match = _HEADER.fullmatch(text)
        if match is None or _RESERVED.fullmatch(match["name"]):
            raise RequestError(
                ErrorCode.FLAG_REFUSED,
                "`--header` adds headers for a proxy in front of the Argo CD server, as `NAME: VALUE`. It cannot name "
                "the caller or change how a request is read: send the token in the header X-Argocd-Auth-Token.",
            )
        yield match["name"], match["value"]


def variables(place: str, path: str) -> Mapping[str, str]:
    """Returns the environment with which argocd takes a place, and a path without slashes, for those of its server."""
    return {"ARGOCD_SERVER": place, "ARGOCD_OPTS": f"--plaintext --grpc-web --grpc-web-root-path {path}"}
