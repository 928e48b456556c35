"""The files that the rules of waiting spares name.

A rule of Landlock belongs to the file that had the path when the spare opened it. If an update puts another file there,
a spare from before may not use it. The kernel keeps the old file's inode while a spare has a rule for it, so a new file
always has another number.
"""

import os
from collections.abc import Iterable

from worker.launcher.protocol import SandboxRules

_Place = tuple[int, int] | None
"""Device and inode of a file; None if it is missing."""


class NamedFiles:
    """The files of one kind of spares, as they were at the last look. Without rules there are none."""

    def __init__(self, rules: SandboxRules | None) -> None:
        self._programs = rules.execute if rules else ()
        self._others = (*rules.read, *rules.write) if rules else ()
        self._seen = self._look()

    def have_changed(self) -> bool:
        """Returns whether another file has one of the paths since this was last said."""
        before, self._seen = self._seen, self._look()
        return self._seen != before

    def programs_have_changed(self) -> bool:
        """Returns the same as `have_changed`, but notices only changed programs, which takes a few microseconds."""
        return _places(self._programs) != self._seen[: len(self._programs)] and self.have_changed()

    def _look(self) -> tuple[_Place, ...]:
        return _places((*self._programs, *self._others))


def _places(paths: Iterable[str]) -> tuple[_Place, ...]:
    return tuple(map(_place, paths))


def _place(path: str) -> _Place:
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # the spare that opens it says what is wrong
        return None
    return found.st_dev, found.st_ino
