"""Removes the directories of spares after their commands, several at once, in a thread.

Each removal waits for the file system's journal, and a thread for each would wake this process twice for each command.
What a command left in its directory has been removed before, so that nothing of a caller waits here.
"""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from worker.launcher.protocol import WORK

REMOVE_AFTER_S = 0.1
"""Seconds in which directories are collected."""


class Removal:
    """The empty directories of one launcher that are still to be removed."""

    def __init__(self) -> None:
        self._directories: list[Path] = []

    def add(self, directory: Path) -> None:
        """Removes the directory soon, if it is there and empty but for an empty working directory."""
        self._directories.append(directory)
        if len(self._directories) == 1:
            asyncio.get_running_loop().call_later(REMOVE_AFTER_S, self._start)

    def _start(self) -> None:
        directories, self._directories = self._directories, []
        # A loop that ends has no threads any more. Then the directories go with the work directory.
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().run_in_executor(None, remove_empty, directories)


def remove_empty(directories: Sequence[Path]) -> None:
    """Removes the directories at once. Those that are not empty go with the work directory."""
    for directory in directories:
        for folder in (directory / WORK, directory):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
