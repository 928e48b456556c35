"""The processes below another one, and whether they are gone."""

import contextlib
import os
import select
from collections.abc import Iterator
from pathlib import Path


class Family:
    """All descendants of a process, held by pidfds, so that a reused process id does not count as a survivor."""

    def __init__(self, pid: int) -> None:
        self.commands: dict[int, str] = {}
        self._descriptors: dict[int, int] = {}
        for child in _below(pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # one that has just ended
                self.commands[child] = _command(child)
                self._descriptors[child] = os.pidfd_open(child)

    def __enter__(self) -> "Family":
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)

    def pid_of(self, part: str) -> int:
        """The process whose command line has that part."""
        return next(pid for pid, command in self.commands.items() if part in command)

    def survivors(self, *, timeout_s: float) -> list[str]:
        """Command lines of those that have not ended when the time is over."""
        alive = dict(self._descriptors)
        poll = select.poll()
        for descriptor in alive.values():
            poll.register(descriptor, select.POLLIN)
        while alive and (ended := poll.poll(timeout_s * 1000)):
            for descriptor, _ in ended:
                poll.unregister(descriptor)
                alive = {pid: other for pid, other in alive.items() if other != descriptor}
        return [self.commands[pid] for pid in alive]


def _below(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read_ids(path):
            yield child
            yield from _below(child)


def _read_ids(path: Path) -> list[int]:
    """None of a thread that has just ended."""
    try:
        return [int(pid) for pid in path.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
