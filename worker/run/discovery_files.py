"""Lends the discovery files of client-go to a command, and takes them back after it.

A command can read the lent files and replace them in its HOME, because client-go writes a new file and renames it
(client-go 0.37). A command's files are not trusted: only regular files of known names, limited in size, number and
depth, are taken back, and others are ignored.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PLACE = Path(".kube", "cache")
"""Folder below HOME where kubectl, helm and istioctl keep discovery files."""
NAMES = re.compile(r"server(groups|resources)\.json|[0-9a-f]{64}")
"""Names of the files: a server's groups and resources, and cached answers named by the hash of their URL."""
NAMES_CREDENTIALS = re.compile(rb"x-varied-(authorization|cookie)", re.IGNORECASE)
"""Headers of a cached answer that may contain credentials: the answer quotes request headers that it depends on."""
MAX_FILE_BYTES = 2 * 1024 * 1024
"""Largest file that is kept, in bytes. The OpenAPI documents of Kubernetes' own groups are below 1 MiB each."""
MAX_FILES = 2_000
MAX_FOLDERS = 4_000
MAX_DEPTH = 16

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class TooMuchError(Exception):
    """The command left more than the limit for one caller."""


def lend(folder: Path, names: Iterable[str], home: Path) -> None:
    """Links the named files into a HOME that has none of them yet. Raises OSError."""
    place = home / PLACE
    place.mkdir(mode=0o700, parents=True)
    made = {""}
    for name in names:
        _make_parents(place, name, made)
        os.symlink(folder / name, place / name)


def may_be_in(home: Path) -> bool:
    """Returns whether `take` could find something. This asks the system once, so it needs no thread."""
    return os.path.lexists(home / PLACE.parts[0])


def take(home: Path, folder: Path, *, lent: tuple[Path, Iterable[str]] | None, most_bytes: int) -> dict[str, int]:
    """Copies into `folder` the files that a command left, and `lent` files (folder, names) that it did not replace.

    Returns relative path → size in bytes. If the command left nothing new, returns nothing and makes no folder.
    Raises OSError and TooMuchError.
    """
    taken: dict[str, int] = {}
    made = {""}
    for name, content in _left(home):
        if not taken:
            folder.mkdir(mode=0o700)
        _make_parents(folder, name, made)
        _write(folder / name, content)
        taken[name] = len(content)
        _check(taken, most_bytes)
    if taken and lent is not None:
        earlier, names = lent
        for name in names:
            if name not in taken:
                _make_parents(folder, name, made)
                os.link(earlier / name, folder / name)
                taken[name] = (folder / name).stat().st_size
        _check(taken, most_bytes)
    return taken


def _check(taken: Mapping[str, int], most_bytes: int) -> None:
    if len(taken) > MAX_FILES or sum(taken.values()) > most_bytes:
        raise TooMuchError


def _make_parents(folder: Path, name: str, made: set[str]) -> None:
    parent = os.path.dirname(name)
    if parent not in made:
        _make_parents(folder, parent, made)
        os.mkdir(folder / parent, 0o700)
        made.add(parent)


def _write(path: Path, content: bytes) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o400)) as file:
        file.write(content)


def _left(home: Path) -> Iterator[tuple[str, bytes]]:
    """Yields path and content of each file that the command wrote. Links are lent files and are left out."""
    try:
        with _opened(home / PLACE.parts[0], None) as parent, _opened(PLACE.parts[1], parent) as top:
            yield from _files(top)
    except (FileNotFoundError, NotADirectoryError):
        return


@contextmanager
def _opened(folder: str | Path, beneath: int | None) -> Iterator[int]:
    descriptor = os.open(folder, _FOLDER, dir_fd=beneath)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _files(top: int) -> Iterator[tuple[str, bytes]]:
    """Opens files by descriptors only, so that a name that was replaced meanwhile is never followed."""
    for number, (folder, folders, names, descriptor) in enumerate(os.fwalk(".", dir_fd=top)):
        if number >= MAX_FOLDERS:
            return
        depth = folder.count(os.sep) + 1
        if depth >= MAX_DEPTH:
            folders.clear()
        for name in names:
            content = _content(name, descriptor) if NAMES.fullmatch(name) else None
            if content is not None:
                yield os.path.normpath(os.path.join(folder, name)), content


def _content(name: str, folder: int) -> bytes | None:
    """Returns None if the entry is not a regular file with one link, is too large, or may contain a credential."""
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        return None
    with open(os.open(name, _FILE, dir_fd=folder), "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
            return None
        content = file.read(MAX_FILE_BYTES + 1)
    return content if len(content) <= MAX_FILE_BYTES and not NAMES_CREDENTIALS.search(content) else None
