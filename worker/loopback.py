"""The listeners on loopback to which commands connect."""

import socket

HOST = "127.0.0.1"
BACKLOG = 256


def listener() -> socket.socket:
    """Returns a listening socket on a free port. Raises OSError."""
    return socket.create_server((HOST, 0), backlog=BACKLOG)
