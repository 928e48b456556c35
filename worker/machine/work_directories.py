"""The folder that contains everything a worker writes. It is removed when the worker ends, in every case.

If the worker dies, its launcher removes the folder. If both die, the next worker that starts beside them does so.
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
"""Lock file that a running worker holds (flock(2)). Only a folder with this file belongs to a worker."""


@contextmanager
def create(parent: Path | None) -> Iterator[Path]:
    """Creates a folder for its owner only, and removes folders of dead workers beside it. Raises OSError."""
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
    """Locks the file before it gets its name, so that no other worker ever sees the folder unlocked."""
    unnamed = directory / f"{LOCK}.new"
    with open(unnamed, "xb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        unnamed.rename(directory / LOCK)
        yield


def _remove_if_dead(path: Path) -> None:
    """Raises OSError if the folder is in use or has no lock file. Ignores folders of other users."""
    about = path.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        return
    with open(os.open(path / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
