import socket

import pytest

from cli.up import ports


def test_listening_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert ports.is_taken("127.0.0.1", server.getsockname()[1])


def test_picked_port_is_free() -> None:
    assert not ports.is_taken("127.0.0.1", ports.pick("127.0.0.1"))


def test_unknown_host_is_another_obstacle() -> None:
    with pytest.raises(socket.gaierror):
        ports.is_taken("no-such-host.invalid", 9096)
