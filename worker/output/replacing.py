"""Replaces texts in a stream of output, even if an occurrence is split across chunks."""

from collections.abc import Iterable, Mapping, Sequence

from worker.output.needle import Needle

_Found = tuple[int, int, bytes]
"""Start and end of a stretch, and what takes its place."""


class Replaced:
    """One stream of output with its replacements, text → what takes its place. Texts are not empty.

    Of overlapping occurrences, the one that begins first, and then the longest one, decides what takes their place. The
    bytes that the stream holds back are always fewer than the longest text has.
    """

    def __init__(self, replacements: Mapping[bytes, bytes]) -> None:
        longest_first = sorted(replacements, key=len, reverse=True)
        self._needles = [(Needle(text), replacements[text]) for text in longest_first]
        self._held = b""
        self._covered = 0
        """Number of held bytes that belong to an occurrence whose replacement was already passed on."""

    def add(self, data: bytes) -> bytes:
        """Returns replaced output. An end of the data that may begin an occurrence is held back."""
        data = self._held + data
        return self._pass_on(data, min((needle.beginning(data) for needle, _ in self._needles), default=len(data)))

    def end(self) -> bytes:
        """Returns the held output, replaced."""
        return self._pass_on(self._held, len(self._held))

    def _pass_on(self, data: bytes, kept_from: int) -> bytes:
        pieces, at = [], 0
        for start, end, replacement in self._found(data):
            is_told = start == 0 and self._covered > 0
            if start >= kept_from and not is_told:
                break
            pieces += [data[at:start], b"" if is_told else replacement]
            at = end
        pieces.append(data[at:kept_from])
        self._held, self._covered = data[kept_from:], max(0, at - kept_from)
        return b"".join(pieces)

    def _found(self, data: bytes) -> Sequence[_Found]:
        """Returns the occurrences in order. Overlapping ones are one stretch."""
        covered = [(0, self._covered, b"")] if self._covered else []
        return merged((*covered, *((*span, mark) for needle, mark in self._needles for span in needle.spans(data))))


def merged(found: Iterable[_Found]) -> Sequence[_Found]:
    """Returns the stretches in order, and joins those that overlap."""
    joined: list[_Found] = []
    for start, end, mark in sorted(found, key=lambda each: (each[0], -each[1])):
        if joined and start < joined[-1][1]:
            first, last, kept = joined[-1]
            joined[-1] = (first, max(last, end), kept)
        else:
            joined.append((start, end, mark))
    return joined


def replaced(text: bytes, replacements: Mapping[bytes, bytes]) -> bytes:
    """Returns a complete text with its replacements."""
    stream = Replaced(replacements)
    return stream.add(text) + stream.end()
