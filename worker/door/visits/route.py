"""The way to one API server with one credential. Visits with the same access share it, and its open connections."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import ssl
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from shared.network import endpoints
from worker.door.http import request_target
from worker.door.http.errors import BadRequestError, ServerError
from worker.door.http.server_connection import ServerConnection
from worker.door.messages import Access
from worker.door.visits import tls

_MAC_KEY = secrets.token_bytes(32)
_ROOTS_OF_APIS = frozenset({"api", "apis"})
"""Behind one of them, `/version` could be a Secret of that name."""
_VALUE = re.compile(r"[ -~\xa0-\xff]*")


def identity(access: Access) -> str:
    """Returns what is equal for visits that share a route, and reveals nothing of their credential."""
    parts = access.model_dump(exclude={"pass_"})
    return hmac.new(_MAC_KEY, json.dumps(parts, sort_keys=True).encode(), hashlib.sha256).hexdigest()


@dataclass
class Route:
    """Where requests go, and what the door adds to them."""

    access: Access = field(repr=False)
    identity: str
    visits: int = 0
    """Visits that use the route now."""
    idle: deque[ServerConnection] = field(default_factory=deque)
    """Open connections that nobody uses; the one that was used last is on the right."""

    @property
    def server(self) -> str:
        """The URL that the caller knows."""
        return self.access.server

    @cached_property
    def is_tls(self) -> bool:
        """Whether the server speaks TLS."""
        return urlsplit(self.access.server).scheme.lower() == "https"

    @cached_property
    def host(self) -> str:
        """The server's host without brackets."""
        return (urlsplit(self.access.server).hostname or "").rstrip(".")

    @cached_property
    def authority(self) -> str:
        """Host and port, without a port where the URL has none."""
        port = urlsplit(self.access.server).port
        host = endpoints.bracketed(self.host)
        return f"{host}:{port}" if port else host

    @cached_property
    def name(self) -> str:
        """The name that the server's certificate must have."""
        return self.access.tls_server_name or self.host

    @cached_property
    def prefix(self) -> str:
        """The path under which the API is served, without a slash at its end. Raises `BadRequestError`."""
        raw = urlsplit(self.access.server).path.rstrip("/").encode()
        decoded = request_target.path(raw) if raw else ""
        if _ROOTS_OF_APIS.intersection(decoded.split("/")):
            raise BadRequestError("its path leads into an API, where requests mean something else")
        return request_target.written_path(decoded)

    @cached_property
    def added_headers(self) -> dict[str, str]:
        """The headers that every request gets. Raises `ServerError`."""
        headers = {**dict(self.access.headers), "Host": self.authority, "Authorization": self._authorization}
        for name, value in headers.items():
            if not _VALUE.fullmatch(value):
                raise ServerError(f'net/http: invalid header field value for "{name}"')
        return {name: value for name, value in headers.items() if value}

    def check(self) -> None:
        """Raises `ServerError` or `BadRequestError` if no request can be written for the server."""
        _ = self.prefix, self.added_headers

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """The TLS context; None for a server that speaks plain HTTP. Raises `CredentialError`."""
        return tls.context(self.access) if self.is_tls else None

    @property
    def closes_with_last_visit(self) -> bool:
        """Whether an open connection is itself the caller's credential."""
        return bool(self.access.client_certificate)

    @property
    def _authorization(self) -> str:
        if self.access.token:
            return f"Bearer {self.access.token}"
        if self.access.username or self.access.password:
            pair = f"{self.access.username}:{self.access.password}"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        return ""
