"""Finds one text in others in time that grows with their lengths alone, for both are a caller's.

A text that repeats itself, such as `aaaa`, may lie in another at every place, each time over the last: such a stretch
is found as one (Knuth, Morris, Pratt: Fast Pattern Matching in Strings, 1977).
"""

from collections.abc import Iterator
from functools import cached_property

Span = tuple[int, int]
SURE_BYTES = 8
"""A beginning so long is looked for; a shorter one can only stand at the very end."""


class Needle:
    """The text that is looked for; it is not empty."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def spans(self, data: bytes) -> Iterator[Span]:
        """What its occurrences cover, in order of their starts; those that overlap may be one."""
        length = len(self._text)
        start = data.find(self._text)
        while start >= 0:
            end = self._end_of_stretch(data, start + length)
            yield start, end
            start = data.find(self._text, end - length + 1)

    def beginning(self, data: bytes) -> int:
        """Where it may begin that goes on behind the end of the data; the end itself if nowhere."""
        earliest = max(0, len(data) - len(self._text) + 1)
        first = data.find(self._text[:SURE_BYTES], earliest)
        if first < 0:
            first = max(earliest, len(data) - SURE_BYTES + 1)
        matched = 0
        for byte in data[first:]:
            while matched and self._text[matched] != byte:
                matched = self._borders[matched]
            matched += self._text[matched] == byte
        return len(data) - matched

    def _end_of_stretch(self, data: bytes, end: int) -> int:
        """The end of the last of the occurrences that begin a period behind each other; one ends at `end`."""
        period = step = len(self._text) - self._borders[-1]
        if period == len(self._text):
            return end
        while step >= period:
            if data.startswith(data[end - step : end], end):
                end += step
                step *= 2
            else:
                step //= 2
        return end

    @cached_property
    def _borders(self) -> list[int]:
        """For each length of a beginning: how long the longest shorter beginning is with which it ends too."""
        borders = [0, 0]
        matched = 0
        for byte in self._text[1:]:
            while matched and self._text[matched] != byte:
                matched = borders[matched]
            matched += self._text[matched] == byte
            borders.append(matched)
        return borders
