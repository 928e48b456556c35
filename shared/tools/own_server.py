"""How a command reaches its tool's own server, instead of the cluster of a kubeconfig. The gateway seals it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OwnServer:
    """What the flags of a command say about its server. Host and port are credentials of the request."""

    scheme: str = "https"
    root_path: str = ""
    """Path under which the server is served."""
    skips_verification: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Headers that the caller adds to each request, for a proxy in front of the server."""
