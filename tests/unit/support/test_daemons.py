"""What is started as a whole: on other ports where somebody took one, and nothing left however it ends."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.control_plane.daemons import Installation, PortTakenError
from tests.support.product import free_port

LISTENER = """
import signal, socket, sys
try:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
except OSError:
    sys.exit(f"listen tcp 127.0.0.1:{sys.argv[1]}: bind: address already in use")
print("listens", flush=True)
signal.pause()
"""
BROKEN = "raise SystemExit('a flag is wrong')"


class Listening(Installation):
    """One daemon, on the first of the ports, and on the next one the second time."""

    def __init__(self, *ports: int, script: str = LISTENER) -> None:
        super().__init__("listening-")
        self._ports = iter(ports)
        self._script = script

    def choose_ports(self) -> None:
        self.port = next(self._ports)

    def start(self) -> None:
        process = self.daemons.start("listener", [sys.executable, "-ISc", self._script, str(self.port)])
        self.daemons.wait("the listener listens", lambda: "listens" in process.output())


@pytest.fixture
def taken() -> Iterator[list[int]]:
    """Two ports on which somebody else listens."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        yield [listener.getsockname()[1] for listener in listeners]


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []
    assert not processes.left_behind()


def test_free_port_is_used() -> None:
    port = free_port()

    with Listening(port) as listening, socket.create_connection(("127.0.0.1", port)):
        assert listening.port == port


def test_port_that_somebody_took_is_replaced(taken: list[int]) -> None:
    port = free_port()

    with Listening(taken[0], port), socket.create_connection(("127.0.0.1", port)):
        pass


def test_ports_that_are_taken_again_are_told_in_one_line(taken: list[int]) -> None:
    with pytest.raises(PortTakenError) as told, Listening(*taken):
        pass

    assert f"listener cannot listen on 127.0.0.1:{taken[1]}, which somebody took" in str(told.value)
    assert "ss -tlnp" in str(told.value)
    assert "\n" not in str(told.value)


def test_daemon_that_ends_for_another_reason_is_not_started_again() -> None:
    with pytest.raises(RuntimeError, match="a flag is wrong"), Listening(free_port(), script=BROKEN):
        pass


def test_process_that_the_block_leaves_running_is_ended() -> None:
    with pytest.raises(ZeroDivisionError), Listening(free_port()):
        raise ZeroDivisionError
