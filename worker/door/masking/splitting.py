"""Splits an answer in JSON, as it arrives, into what is masked and what is around it.

A watch is a sequence of objects. A list or a table is split into its elements, so that no answer is held as a whole.
"""

import re
from typing import NamedTuple

from worker.door.masking.tree import MaskingError

MOST_OBJECT_BYTES = 8 * 1024 * 1024
"""Longest object. etcd stores none of more than 1.5 MiB."""
_RUN = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
"""Everything up to a bracket, or to a string that is not complete."""
_REST = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
"""The rest of a string, up to its end or to an escape that is not complete."""
_ELEMENTS = re.compile(rb'"(?:items|rows)"\s*:\s*\Z')
_MOST_ELEMENTS_BYTES = 64
_AROUND = re.compile(rb"[\s,]*")
_QUOTE, _BRACKET = b'"', b"["
_OPENING = frozenset(b"[{")
_ALONE, _LISTED, _AFTER_LIST = 0, 2, -1
"""Depths at which objects begin: on their own or in a list. After a list none begins."""


class Piece(NamedTuple):
    """A part of an answer."""

    content: bytes
    is_masked: bool
    """Whether it is a whole object that is masked, and not what is around it."""


class ObjectSplitter:
    """Splits off whole objects. `opens_lists` tells whether those in a list or table are split off one by one."""

    def __init__(self, *, opens_lists: bool) -> None:
        self._opens_lists = opens_lists
        self._buffer = bytearray()
        self._at = 0
        self._begin = 0
        """Where the part begins that is not split off."""
        self._depth = 0
        self._base = _ALONE
        self._is_in_object = False
        self._is_in_string = False

    def feed(self, data: bytes) -> list[Piece]:
        """Returns the pieces that are complete. Raises `MaskingError` if the answer is not JSON of objects."""
        self._buffer += data
        pieces: list[Piece] = []
        while self._finds_bracket():
            bracket = self._buffer[self._at]
            self._at += 1
            if bracket in _OPENING:
                self._open(bracket, pieces)
            else:
                self._close(pieces)
        del self._buffer[: self._begin]
        self._at -= self._begin
        self._begin = 0
        if len(self._buffer) > MOST_OBJECT_BYTES:
            raise MaskingError(f"it has an object of more than {MOST_OBJECT_BYTES} bytes")
        return pieces

    def end(self) -> list[Piece]:
        """Returns what remains. Raises `MaskingError` if that is a part of an object."""
        if self._depth or self._is_in_string:
            raise MaskingError("it is not complete")
        pieces: list[Piece] = []
        self._split_off(len(self._buffer), pieces)
        return pieces

    def _finds_bracket(self) -> bool:
        """Moves on to the next bracket outside of strings. Returns whether it has arrived."""
        while True:
            if self._is_in_string and not self._leaves_string():
                return False
            self._at = _end(_RUN, self._buffer, self._at)
            if self._at == len(self._buffer):
                return False
            self._is_in_string = self._buffer.startswith(_QUOTE, self._at)
            if not self._is_in_string:
                return True
            self._at += 1

    def _leaves_string(self) -> bool:
        self._at = _end(_REST, self._buffer, self._at)
        if not self._buffer.startswith(_QUOTE, self._at):
            return False
        self._at += 1
        self._is_in_string = False
        return True

    def _open(self, bracket: int, pieces: list[Piece]) -> None:
        is_array = bracket == _BRACKET[0]
        if self._depth == self._base and self._base >= 0:
            if is_array:
                raise MaskingError("it has an array in place of an object")
            self._split_off(self._at - 1, pieces)
            self._is_in_object = True
        elif is_array and self._opens_lists and self._begins_list():
            pieces.append(self._taken(self._at, is_masked=False))
            self._is_in_object, self._base = False, _LISTED
        self._depth += 1

    def _close(self, pieces: list[Piece]) -> None:
        self._depth -= 1
        if self._depth < 0:
            raise MaskingError("it closes more than it opens")
        if self._is_in_object and self._depth == self._base:
            pieces.append(self._taken(self._at, is_masked=True))
            self._is_in_object = False
        elif self._base == _LISTED and self._depth < _LISTED:
            self._split_off(self._at - 1, pieces)
            self._base = _AFTER_LIST
        elif self._depth == 0:
            pieces.append(self._taken(self._at, is_masked=False))
            self._base = _ALONE

    def _begins_list(self) -> bool:
        tail = self._buffer[max(self._begin, self._at - 1 - _MOST_ELEMENTS_BYTES) : self._at - 1]
        return self._depth == 1 and self._base == _ALONE and _ELEMENTS.search(tail) is not None

    def _split_off(self, end: int, pieces: list[Piece]) -> None:
        """Splits off what is between two objects."""
        piece = self._taken(end, is_masked=False)
        if not _AROUND.fullmatch(piece.content):
            raise MaskingError("it is not JSON of objects")
        if piece.content:
            pieces.append(piece)

    def _taken(self, end: int, *, is_masked: bool) -> Piece:
        content = bytes(self._buffer[self._begin : end])
        self._begin = end
        return Piece(content, is_masked)


def _end(pattern: re.Pattern[bytes], text: bytearray, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start
