"""A job's private directory: HOME, temporary files and the caller's own files, gone when the job ends."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

HAS_NAMELESS_FILES = hasattr(os, "memfd_create")
KUBECONFIG = "kubeconfig"
STDIN = "stdin"
"""Private files of a job."""


@dataclass(frozen=True, slots=True)
class JobDirectory:
    """Folders of one job; only their owner may enter."""

    root: Path
    """HOME, and the place for temporary files."""

    @property
    def work(self) -> Path:
        """Working directory: the caller's files lie here."""
        return self.root / "work"

    @property
    def spill(self) -> Path:
        """Where filters put what does not fit into memory; made when one may need it."""
        return self.root / "spill"

    @property
    def no_programs(self) -> Path:
        """What PATH names: there is nothing, not even the folder."""
        return self.root / "no-programs"


@asynccontextmanager
async def create(parent: Path, files: Mapping[str, str]) -> AsyncIterator[JobDirectory]:
    """A fresh directory below `parent` with the caller's files; `files` has relative paths that were checked."""
    directory = JobDirectory(Path(tempfile.mkdtemp(prefix="job-", dir=parent)))
    try:
        directory.work.mkdir(mode=0o700)
        if files:
            await asyncio.to_thread(_write, directory.work, files)
        yield directory
    finally:
        await asyncio.to_thread(shutil.rmtree, directory.root, ignore_errors=True)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(content)


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


def forget_private_files(directory: JobDirectory) -> None:
    """Removes those that have a name: whoever was to read them has."""
    if not HAS_NAMELESS_FILES:
        for name in (KUBECONFIG, STDIN):
            (directory.root / name).unlink(missing_ok=True)
