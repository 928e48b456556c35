"""Finds out whether the gateway's port is free."""

import contextlib
import errno
import socket

FREE_PORT = 0


def is_taken(host: str, port: int) -> bool:
    """Returns whether another program uses the port. Raises OSError for any other problem, such as an unknown host."""
    try:
        with _bound(host, port):
            return False
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return True
        raise


def pick(host: str) -> int:
    """Returns a port that is free now."""
    with _bound(host, FREE_PORT) as listener:
        port: int = listener.getsockname()[1]
        return port


def _bound(host: str, port: int) -> "contextlib.closing[socket.socket]":
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the gateway's server does
        listener.bind(address)
    except BaseException:
        listener.close()
        raise
    return contextlib.closing(listener)
