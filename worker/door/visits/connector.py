"""Opens connections to API servers: the worker dials, the door shakes hands."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable

from worker.door.http import failure_words
from worker.door.http.errors import ServerError
from worker.door.http.server_connection import ServerConnection
from worker.door.visits.route import Route
from worker.door.visits.tls import CredentialError

HANDSHAKE_TIMEOUT_S = 10.0
"""Seconds for TLS, as in Go's default transport."""
SHUTDOWN_TIMEOUT_S = 1.0
"""Seconds for the server to end TLS as well, when the door ends a connection."""
_KEEPALIVE_S = 30
"""Seconds of silence until the kernel asks whether the server is still there, and between such questions."""

_KEEPALIVE_OPTIONS = [getattr(socket, name) for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL") if hasattr(socket, name)]

Dial = Callable[[], Awaitable[socket.socket]]
"""Returns a connected socket. Raises `ServerError`."""


async def connect(route: Route, dial: Dial) -> ServerConnection:
    """Opens a connection. Raises `ServerError`."""
    try:
        context = route.tls
    except CredentialError as error:
        raise ServerError(str(error)) from None
    connected = await dial()
    try:
        _keep_alive(connected)
        async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
            _, connection = await asyncio.get_running_loop().create_connection(
                ServerConnection,
                sock=connected,
                ssl=context,
                server_hostname=route.name if context else None,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S if context else None,
            )
    except (OSError, ssl.CertificateError, ValueError) as error:  # a timeout is an OSError
        connected.close()
        raise ServerError(failure_words.of_handshake(error, route.name)) from None
    except BaseException:
        connected.close()
        raise
    return connection


def _keep_alive(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in _KEEPALIVE_OPTIONS:
            connected.setsockopt(socket.IPPROTO_TCP, option, _KEEPALIVE_S)
