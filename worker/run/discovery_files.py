"""The files in which client-go keeps what it has learnt of an API server: lent to a command, and taken back from it.

A command can read the copy that it is lent, and replace what it finds in its HOME, for client-go writes each file anew
and renames it (client-go 0.37). What a command left is judged like anything that it wrote: regular files of known
names, limited in size, number and depth; whatever else lies there is passed over.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PLACE = Path(".kube", "cache")
"""Below HOME: kubectl, helm and istioctl look there alike."""
NAMES = re.compile(r"server(groups|resources)\.json|[0-9a-f]{64}")
"""Groups and resources of a server, and its answers to discovery by the hash of their URL."""
NAMES_CREDENTIALS = re.compile(rb"x-varied-(authorization|cookie)", re.IGNORECASE)
"""A kept answer names the headers that it depends on, with what the request had in them."""
MAX_FILE_BYTES = 2 * 1024 * 1024
"""The OpenAPI document of one group is the largest: below 1 MiB for those of Kubernetes itself."""
MAX_FILES = 2_000
MAX_FOLDERS = 4_000
MAX_DEPTH = 16

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class TooMuchError(Exception):
    """More was left than is kept of one caller."""


def lend(folder: Path, names: Iterable[str], home: Path) -> None:
    """Links to the files of those names in a HOME that has none yet. Raises OSError."""
    place = home / PLACE
    place.mkdir(mode=0o700, parents=True)
    made = {""}
    for name in names:
        _make_parents(place, name, made)
        os.symlink(folder / name, place / name)


def take(home: Path, folder: Path, *, lent: tuple[Path, Iterable[str]] | None, most_bytes: int) -> dict[str, int]:
    """Makes a folder of what a command left, and of what it was lent (folder, names) and did not replace.

    Returns relative path → bytes; nothing, and no folder, if the command left nothing new. Raises OSError,
    `TooMuchError`.
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
    """Relative path and content of what the command wrote itself; links are what it was lent."""
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
    """By descriptors all the way: no name is followed that may have become another's."""
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
    """None for what is no file of its own, is too large to be kept, or may hold a credential."""
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        return None
    with open(os.open(name, _FILE, dir_fd=folder), "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
            return None
        content = file.read(MAX_FILE_BYTES + 1)
    return content if len(content) <= MAX_FILE_BYTES and not NAMES_CREDENTIALS.search(content) else None
