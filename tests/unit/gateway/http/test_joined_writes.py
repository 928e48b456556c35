"""How often a response is written to its connection."""

import asyncio
from collections.abc import Iterable

import pytest

from gateway.http.joined_writes import JoinedWrites

HEAD, BODY = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", b"body"


class Wire(asyncio.Transport):
    """Remembers what each system call would send."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.sent.append(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True


async def test_head_and_body_are_one_write() -> None:
    wire = Wire()
    transport = JoinedWrites(wire)

    for _ in range(2):
        transport.write(HEAD)
        transport.write(BODY)

    assert wire.sent == [HEAD + BODY] * 2
    await asyncio.sleep(0)
    assert wire.sent == [HEAD + BODY] * 2


async def test_head_does_not_wait_for_a_body_that_comes_later() -> None:
    wire = Wire()
    transport = JoinedWrites(wire)

    transport.write(HEAD)
    await asyncio.sleep(0)
    transport.write(b"data: first\n")
    transport.write(b"data: second\n")

    assert wire.sent == [HEAD, b"data: first\n", b"data: second\n"]


async def test_every_byte_is_sent_in_its_order_whatever_it_ends_with() -> None:
    wire = Wire()
    transport = JoinedWrites(wire)

    for data in (HEAD, b"5\r\nab\r\n\r\n", b"0\r\n\r\n", HEAD, BODY):
        transport.write(data)
    await asyncio.sleep(0)

    assert b"".join(wire.sent) == HEAD + b"5\r\nab\r\n\r\n" + b"0\r\n\r\n" + HEAD + BODY


@pytest.mark.parametrize(("end", "sent"), [("close", [HEAD]), ("abort", [])])
async def test_held_head_is_sent_before_a_close_and_not_after_an_abort(end: str, sent: list[bytes]) -> None:
    wire = Wire()
    transport = JoinedWrites(wire)
    transport.write(HEAD)

    getattr(transport, end)()
    await asyncio.sleep(0)

    assert (wire.sent, transport.is_closing()) == (sent, True)
