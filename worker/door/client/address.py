"""Where a command finds the door, and how that address is kept out of its output."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, urlsplit

from shared.network import endpoints
from worker.door.messages import Access
from worker.loopback import HOST

PASS_MARK = b"[redacted]"


@dataclass(frozen=True)
class DoorAddress:
    """The address that one command takes for its server's."""

    port: int
    access: Access = field(repr=False)

    @property
    def place(self) -> str:
        """The door's `host:port`."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """The URL of the API server as the command sees it."""
        return f"http://{self.place}/{self.access.pass_}"

    @cached_property
    def replaced_by_server(self) -> Mapping[bytes, bytes]:
        """The door's address in each form in which a CLI prints it → the caller's server in that form."""
        server = self.access.server.rstrip("/")
        parts = urlsplit(server)
        place = f"{endpoints.bracketed(parts.hostname or '')}:{parts.port or endpoints.DEFAULT_PORTS[parts.scheme]}"
        own = self.place
        forms = {
            self.url: server,
            f"http://{own}": f"{parts.scheme}://{place}",
            own: place,
            quote(own, safe=""): quote(place, safe=""),
            # kubectl names the files of its cache by the address, and tells them in verbose logs.
            _as_file_name(self.url): _as_file_name(server),
            _as_file_name(own): _as_file_name(place),
        }
        return {door.encode(): shown.encode() for door, shown in forms.items()} | {
            self.access.pass_.encode(): PASS_MARK
        }


def _as_file_name(url: str) -> str:
    return re.sub(r"[^(\w/.)]", "_", url.partition("://")[2] or url, flags=re.ASCII)
