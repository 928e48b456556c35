"""Where a command finds the door, and how that address is kept out of its output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from worker.door.messages import Access
from worker.loopback import HOST

PASS_MARK = b"[redacted]"
DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class DoorAddress:
    """The address that the kubeconfig of one command names."""

    port: int
    access: Access = field(repr=False)

    @property
    def url(self) -> str:
        """The URL of the API server as the command sees it."""
        return f"http://{HOST}:{self.port}/{self.access.pass_}"

    @cached_property
    def replaced_by_server(self) -> Mapping[bytes, bytes]:
        """The door's address in each form in which a CLI prints it → the caller's server in that form."""
        server = self.access.server.rstrip("/")
        parts = urlsplit(server)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        place = f"{host}:{parts.port or DEFAULT_PORTS[parts.scheme]}"
        return {
            self.url.encode(): server.encode(),
            f"http://{HOST}:{self.port}".encode(): f"{parts.scheme}://{place}".encode(),
            f"{HOST}:{self.port}".encode(): place.encode(),
            self.access.pass_.encode(): PASS_MARK,
        }
