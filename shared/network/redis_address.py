"""Where Redis is and how to log in: one server, or a service whose primary Sentinel knows.

Everything is read once, at the start. Errors say what is allowed and show no part of the URL, which may hold a
password.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import parse_url

from shared.network import endpoints
from shared.network.endpoints import MAX_PORT, Endpoint

SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://")
REDIS_PORT = 6379
SENTINEL_PORT = 26379

_SENTINEL_URL = re.compile(
    r"(?P<scheme>rediss?)\+sentinel://(?:(?P<login>[^/?#]*)@)?(?P<hosts>[^/?#@]+)"
    r"/(?P<service>[A-Za-z0-9._-]+)(?:/(?P<database>[0-9]*))?(?:\?(?P<query>[^#]*))?"
)
_HOST = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """The address of Redis or Valkey."""

    name: str
    """The URL without user, password and options, to be shown."""
    options: Mapping[str, Any] = field(repr=False)
    """redis-py's arguments for connections to the server, or to each server of the service."""
    sentinels: tuple[Endpoint, ...] = ()
    service: str = ""
    """The service's name, as Sentinel knows it; empty without Sentinel."""
    sentinel_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """redis-py's arguments for clients of the sentinels."""

    @property
    def server(self) -> Endpoint | None:
        """The place of the server; None if it is a Unix socket, or if only Sentinel knows it."""
        if self.sentinels or "path" in self.options:
            return None
        return Endpoint(self.options.get("host", "localhost"), self.options.get("port", REDIS_PORT))


def parse(
    url: str, *, sentinel_username: str = "", sentinel_password: str = "", ca_file: Path | None = None
) -> RedisAddress:
    """Reads a URL. Raises ValueError, whose text follows the name of the variable that holds the URL."""
    if not url.startswith(SCHEMES):
        raise ValueError(f"must start with {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]}")
    if url.partition("://")[0].endswith("+sentinel"):
        return _of_service(url, {"username": sentinel_username or None, "password": sentinel_password or None}, ca_file)
    return _of_server(url, ca_file)


def place(endpoint: Endpoint) -> str:
    """Returns host and port as in a URL."""
    return f"{endpoints.bracketed(endpoint.host)}:{endpoint.port}"


def uses_tls(url: str) -> bool:
    """Returns whether connections are encrypted."""
    return url.startswith("rediss")


def check_ca_file(path: Path) -> None:
    """Raises ValueError, which does not show the path, unless the file holds certificates."""
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # an SSLError too, whose text names OpenSSL's source
        what = "holds no certificate in PEM" if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
        raise ValueError(f"names a file that {what}") from None


def _of_server(url: str, ca_file: Path | None) -> RedisAddress:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme != "unix" and "@" in parts.path:  # a slash in the password ends the host too early
            raise ValueError
    except ValueError:
        raise ValueError("has a host or port that is not valid; percent-encode special characters") from None
    place = f"{endpoints.bracketed(host)}{f':{port}' if port else ''}"
    return RedisAddress(f"{parts.scheme}://{place}{parts.path}", _options(url, ca_file))


def _of_service(url: str, login: Mapping[str, str | None], ca_file: Path | None) -> RedisAddress:
    match = _SENTINEL_URL.fullmatch(url)
    if match is None:
        raise ValueError(
            "must look like redis+sentinel://USER:PASSWORD@HOST:26379,HOST:26379/SERVICE/0, where user, password, "
            "ports and database may be left out; percent-encode special characters"
        )
    sentinels = tuple(dict.fromkeys(map(_sentinel, match["hosts"].split(","))))
    database = match["database"] or "0"
    # redis-py knows how to read login, database and options of one server; the host is not used.
    options = _options(
        f"{match['scheme']}://{match['login'] or ''}@sentinel/{database}?{match['query'] or ''}", ca_file
    )
    del options["host"]
    of_tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return RedisAddress(
        name=f"{match['scheme']}+sentinel://{','.join(map(place, sentinels))}/{match['service']}/{database}",
        options=options,
        sentinels=sentinels,
        service=match["service"],
        sentinel_options={**login, **of_tls, "ssl": match["scheme"] == "rediss"},
    )


def _sentinel(text: str) -> Endpoint:
    match = _HOST.fullmatch(text)
    port = int(match["port"] or SENTINEL_PORT) if match else 0
    if match is None or not 0 < port <= MAX_PORT or (match["ipv6"] and endpoints.parse_address(match["ipv6"]) is None):
        raise ValueError("has a Sentinel that is not valid: each must be HOST or HOST:PORT, an IPv6 host in brackets")
    return Endpoint((match["ipv6"] or match["name"]).lower(), port)


def _options(url: str, ca_file: Path | None) -> dict[str, Any]:
    """Returns redis-py's arguments for the URL. Raises ValueError for those that it does not know."""
    of_tls = {"ssl_ca_certs": str(ca_file)} if ca_file is not None and uses_tls(url) else {}
    try:
        options: dict[str, Any] = {**of_tls, **parse_url(url)}
        ConnectionPool(**options).make_connection()  # type: ignore[no-untyped-call]  # connects to nothing yet
    except (TypeError, ValueError):  # the error's text may show a part of the URL
        raise ValueError("cannot be used: check its host, port, path and options") from None
    return options
