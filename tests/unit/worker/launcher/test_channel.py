"""Packets keep their borders and their descriptors."""

import os
from collections.abc import Iterator

import pytest

from worker.launcher.channel import MAX_DESCRIPTORS, Channel, MessageTooLargeError, channel_pair, close_all


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    both = channel_pair()
    yield both
    for channel in both:
        channel.close()


def test_packets_stay_apart(pair: tuple[Channel, Channel]) -> None:
    sending, receiving = pair
    for packet in (b"one", b"x" * 100_000, b"three"):
        sending.send(packet)

    assert [receiving.receive()[0] for _ in range(3)] == [b"one", b"x" * 100_000, b"three"]


def test_descriptors_arrive_in_order_and_close_on_exec(pair: tuple[Channel, Channel]) -> None:
    sending, receiving = pair
    pipe = os.pipe()
    sending.send(b"take these", pipe)

    _, received = receiving.receive()

    assert [os.fstat(new).st_ino for new in received] == [os.fstat(old).st_ino for old in pipe]
    assert not any(os.get_inheritable(descriptor) for descriptor in received)
    close_all((*pipe, *received))


def test_as_many_descriptors_as_the_kernel_passes(pair: tuple[Channel, Channel]) -> None:
    sending, receiving = pair
    sending.send(b"many", [0] * MAX_DESCRIPTORS)

    _, received = receiving.receive()

    assert len(received) == MAX_DESCRIPTORS
    close_all(received)
    with pytest.raises(MessageTooLargeError, match="254 descriptors"):
        sending.send(b"more", [0] * (MAX_DESCRIPTORS + 1))


def test_packet_that_is_too_long_says_so(pair: tuple[Channel, Channel]) -> None:
    with pytest.raises(MessageTooLargeError, match="20000000 bytes"):
        pair[0].send(b"x" * 20_000_000)


def test_end_is_an_empty_packet(pair: tuple[Channel, Channel]) -> None:
    pair[0].close()

    assert pair[1].receive() == (b"", [])


def test_receive_now_does_not_wait(pair: tuple[Channel, Channel]) -> None:
    assert pair[1].receive_now() == b""
    pair[0].send(b"text")
    assert pair[1].receive_now() == b"text"


def test_closing_twice_is_no_error() -> None:
    descriptor = os.open(os.devnull, os.O_RDONLY)

    close_all([descriptor, descriptor])
    close_all([descriptor])
