"""Messages are cut where they end, however their bytes arrive."""

import pytest

from bench.redis_protocol import Messages

STREAM = (
    b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n+OK\r\n$-1\r\n:7\r\n"
    b"*3\r\n$7\r\nmessage\r\n*1\r\n:1\r\n$4\r\na\r\nb\r\n*-1\r\n$0\r\n\r\n"
)
MESSAGES = [[b"GET", b"k"], [b"OK"], [], [b"7"], [b"message", b"1", b"a\r\nb"], [], [b""]]


@pytest.mark.parametrize("size", [1, 2, 7, len(STREAM)])
def test_messages_are_the_same_in_pieces_of_any_size(size: int) -> None:
    messages = Messages()
    found = [words for at in range(0, len(STREAM), size) for words in messages.feed(STREAM[at : at + size])]
    assert found == MESSAGES
