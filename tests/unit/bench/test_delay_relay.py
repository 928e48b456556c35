"""A network that is slow by so much: no shorter time than that can pass, however fast the machine is."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from bench import delay_relay
from bench.delay_relay import DelayRelay

FLIGHT_S = 0.02


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that sends back what it gets, on one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(65_536):
                    connection.sendall(data)

        thread = threading.Thread(target=serve, name="echo")
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.fixture
def slow(echo_port: int) -> Iterator[DelayRelay]:
    with delay_relay.relay(echo_port, flight_s=FLIGHT_S) as running:
        yield running


def exchange(client: socket.socket) -> float:
    """Seconds until the answer is there."""
    started = time.monotonic()
    client.sendall(b"ping")
    assert client.recv(4) == b"ping"
    return time.monotonic() - started


def test_first_answer_takes_four_flights_and_a_later_one_two(slow: DelayRelay) -> None:
    with socket.create_connection(("127.0.0.1", slow.port)) as client:
        assert exchange(client) >= 4 * FLIGHT_S
        assert exchange(client) >= 2 * FLIGHT_S
    assert slow.connections == 1


def test_much_arrives_whole_and_in_order(slow: DelayRelay) -> None:
    sent = bytes(range(256)) * 2_000
    with socket.create_connection(("127.0.0.1", slow.port)) as client:
        sender = threading.Thread(target=client.sendall, args=(sent,), name="sender")
        sender.start()
        received = b""
        while len(received) < len(sent):
            received += client.recv(65_536)
        sender.join()
    assert received == sent
