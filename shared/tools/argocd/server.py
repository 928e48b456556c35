"""How argocd reaches its server: through the door, to which it speaks grpc-web without TLS.

The flags that say how to connect are obeyed by the door, and the child does not get them.
"""

from collections.abc import Mapping

from shared.command.reading import Reading
from shared.tools.own_server import OwnServer

CONNECTION_FLAGS = frozenset({"grpc-web", "grpc-web-root-path", "insecure", "plaintext"})


def of(reading: Reading) -> OwnServer | None:
    """Returns how the command reaches its server; None if it works without one."""
    if reading.has("core"):
        return None
    root = (reading.text("grpc-web-root-path") or "").strip("/")
    return OwnServer(
        scheme="http" if reading.is_on("plaintext") else "https",
        root_path=f"/{root}" if root else "",
        skips_verification=reading.is_on("insecure"),
    )


def variables(place: str, path: str) -> Mapping[str, str]:
    """Returns the environment with which argocd takes a place, and a path without slashes, for those of its server."""
    return {"ARGOCD_SERVER": place, "ARGOCD_OPTS": f"--plaintext --grpc-web --grpc-web-root-path {path}"}
