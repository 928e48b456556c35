"""Cuts what goes to and comes from Redis into messages: RESP2, https://redis.io/docs/latest/develop/reference/protocol-spec/."""

from collections.abc import Iterator

END = b"\r\n"
ARRAY, BULK = b"*", b"$"
NOTHING = -1


class _Incomplete(Exception):
    """A message whose end has not arrived."""


class Messages:
    """One direction of a connection, as bytes arrive."""

    def __init__(self) -> None:
        self._received = b""

    def feed(self, data: bytes) -> Iterator[list[bytes]]:
        """Yields the words of each message that is complete now: a command with its arguments, or an answer."""
        self._received += data
        at = 0
        while at < len(self._received):
            words: list[bytes] = []
            try:
                at = self._value(at, words)
            except _Incomplete:
                break
            yield words
        self._received = self._received[at:]

    def _value(self, at: int, words: list[bytes]) -> int:
        """Adds the words of the value at that place, nested ones too. Returns where it ends."""
        head = self._received.find(END, at)
        if head < 0:
            raise _Incomplete
        kind, text, at = self._received[at : at + 1], self._received[at + 1 : head], head + len(END)
        if kind == ARRAY:
            for _ in range(int(text)):
                at = self._value(at, words)
            return at
        if kind != BULK:
            words.append(text)
            return at
        size = int(text)
        if size == NOTHING:
            return at
        end = at + size + len(END)
        if end > len(self._received):
            raise _Incomplete
        words.append(self._received[at : at + size])
        return end
