"""The folder in which a worker keeps everything that it writes; gone at its end, however it ends.

A worker that dies leaves it to its launcher, and one that dies together with its launcher to the next worker that
starts beside it.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "mcp-k8s-"
LOCK = "worker.lock"
"""Held by a living worker (flock(2)); only a folder that has one is a worker's."""


@contextmanager
def create(parent: Path | None) -> Iterator[Path]:
    """A fresh one, for its owner only. Removes what dead workers have left in the same place. Raises OSError."""
    place = Path(parent or tempfile.gettempdir())
    for path in place.glob(f"{PREFIX}*"):
        with suppress(OSError):
            _remove_if_dead(path)
    directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    try:
        with _locked(directory):
            yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Under its name the lock is held from the first moment on."""
    unnamed = directory / f"{LOCK}.new"
    with open(unnamed, "xb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        unnamed.rename(directory / LOCK)
        yield


def _remove_if_dead(path: Path) -> None:
    """Raises OSError for a folder that is in use, or no worker's of this user."""
    about = path.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        return
    with open(os.open(path / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
