"""A job's private directory: HOME, temporary files and the caller's files. It is removed when the job ends."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from worker.launcher.protocol import WORK

HAS_NAMELESS_FILES = hasattr(os, "memfd_create")
KUBECONFIG = "kubeconfig"
STDIN = "stdin"
"""Names of a job's private files."""


@dataclass(frozen=True, slots=True)
class JobDirectory:
    """The folders of one job. Only their owner has access."""

    root: Path
    """HOME and the folder for temporary files."""

    @property
    def work(self) -> Path:
        """The working directory, which contains the caller's files."""
        return self.root / WORK

    @property
    def spill(self) -> Path:
        """The folder where filters write what does not fit into memory. It is created if a filter may need it."""
        return self.root / "spill"

    @property
    def no_programs(self) -> Path:
        """The value of PATH: a folder that does not exist."""
        return self.root / "no-programs"


@asynccontextmanager
async def create(parent: Path, files: Mapping[str, str]) -> AsyncIterator[JobDirectory]:
    """Creates a directory below `parent` with the caller's files. The relative paths in `files` are already checked."""
    directory = JobDirectory(Path(tempfile.mkdtemp(prefix="job-", dir=parent)))
    try:
        directory.work.mkdir(mode=0o700)
        if files:
            await asyncio.to_thread(_write, directory.work, files)
        yield directory
    finally:
        await asyncio.to_thread(shutil.rmtree, directory.root, ignore_errors=True)


@asynccontextmanager
async def use(root: Path, files: Mapping[str, str]) -> AsyncIterator[JobDirectory]:
    """Puts the caller's files into a directory that a spare has made, and removes it if it is not empty at the end."""
    directory = JobDirectory(root)
    try:
        if files:
            await asyncio.to_thread(_write, directory.work, files)
        yield directory
    finally:
        if not _is_empty(directory):
            await asyncio.to_thread(shutil.rmtree, directory.root, ignore_errors=True)


def _is_empty(directory: JobDirectory) -> bool:
    """Returns whether the command has left nothing. This is as quick as starting a thread."""
    try:
        with os.scandir(directory.root) as entries:
            left = [entry for entry in entries if entry.name != WORK or not entry.is_dir(follow_symlinks=False)]
        return not left and not os.listdir(directory.work)
    except OSError:
        return False


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(content)


def private_file(directory: JobDirectory, name: str, content: str) -> int:
    """Returns a descriptor at the start of a file with that content.

    The file has no name (memfd_create(2)). If the system does not support that, the file lies in the job's directory,
    is readable only by its owner, and is removed with the directory.
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
    """Removes private files that have a name. Call it after the command has read them."""
    if not HAS_NAMELESS_FILES:
        for name in (KUBECONFIG, STDIN):
            (directory.root / name).unlink(missing_ok=True)
