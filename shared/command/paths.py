"""Refuses words that name files of the worker's kernel: `/proc` and `/dev`. The sandbox keeps the rest out of reach."""

import posixpath
from collections.abc import Iterator

from shared.errors import ErrorCode, RequestError

REFUSED_ROOTS = frozenset({"proc", "dev"})
FILE_FLAGS = frozenset({"f", "filename", "k", "kustomize", "values"})
"""Flags with file names that do not say `file` in their own."""


def check(word: str) -> None:
    """`RequestError` if the word is a path under one of the refused roots, however it is written."""
    path = posixpath.normpath(word.removeprefix("file://").removeprefix("@"))
    parts = [part for part in path.split("/") if part not in ("", "..")]
    if path.startswith(("/", "../")) and parts and parts[0] in REFUSED_ROOTS:
        raise RequestError(
            ErrorCode.COMMAND_REFUSED,
            f"Paths under /{parts[0]} belong to the worker: send the content in `stdin` (with `-f -`) or as a file in "
            "`files`.",
        )


def check_value(flag: str, value: str) -> None:
    """The same for a flag's value: whole, and where files are listed (`a,b`) or named (`key=path`), each part too."""
    for part in _file_names(flag, value):
        check(part)


def _file_names(flag: str, value: str) -> Iterator[str]:
    yield value
    head, _, tail = value.partition("=")
    if flag in FILE_FLAGS or "file" in flag or "file" in head:
        yield tail
        for part in value.split(","):
            yield part
            yield part.partition("=")[2]
