"""A job's private directory: HOME, temporary files and the caller's own files, gone when the job ends."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HAS_NAMELESS_FILES = hasattr(os, "memfd_create")


@dataclass(frozen=True, slots=True)
class JobDirectory:
    """Folders of one job; only their owner may enter."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def work(self) -> Path:
        """Working directory: the caller's files lie here."""
        return self.root / "work"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"


@contextmanager
def create(parent: Path, files: Mapping[str, str]) -> Iterator[JobDirectory]:
    """A fresh directory below `parent` with the caller's files; `files` has relative paths that were checked."""
    directory = JobDirectory(Path(tempfile.mkdtemp(prefix="job-", dir=parent)))
    try:
        for folder in (directory.home, directory.work, directory.temporary):
            folder.mkdir(mode=0o700)
        for name, content in files.items():
            path = directory.work / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text(content)
        yield directory
    finally:
        shutil.rmtree(directory.root, ignore_errors=True)


def private_file(directory: JobDirectory, name: str, content: str) -> int:
    """A descriptor at the start of a file with that content.

    The file has no name and no place (memfd_create(2)); where the system has none such, it lies in the job's
    directory, for its owner only, and goes with it.
    """
    if HAS_NAMELESS_FILES:
        descriptor = os.memfd_create(name)
    else:
        descriptor = os.open(directory.root / name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
