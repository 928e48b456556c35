"""Finds a text in other texts in linear time, because callers choose both.

A text that repeats itself, such as `aaaa`, can occur at every position of another text, with overlaps. Overlapping
occurrences are found as one stretch (Knuth, Morris, Pratt: Fast Pattern Matching in Strings, 1977).
"""

from collections.abc import Iterator
from functools import cached_property

Span = tuple[int, int]
SURE_BYTES = 8
"""Length of the prefix that is searched for first, in bytes. A shorter prefix can only stand at the end of the data."""


class Needle:
    """The text to find, which is not empty."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def spans(self, data: bytes) -> Iterator[Span]:
        """Yields the spans of all occurrences, in order. Overlapping occurrences may be one span."""
        length = len(self._text)
        start = data.find(self._text)
        while start >= 0:
            end = self._end_of_stretch(data, start + length)
            yield start, end
            start = data.find(self._text, end - length + 1)

    def beginning(self, data: bytes) -> int:
        """Returns the position of an occurrence that may continue after the data, or the length of the data."""
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
        """Returns the end of a stretch of occurrences that are one period apart. The first of them ends at `end`."""
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
        """For each length of a prefix, the length of its longest proper prefix that is also its suffix."""
        borders = [0, 0]
        matched = 0
        for byte in self._text[1:]:
            while matched and self._text[matched] != byte:
                matched = borders[matched]
            matched += self._text[matched] == byte
            borders.append(matched)
        return borders
