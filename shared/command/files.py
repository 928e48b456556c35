"""Checks the files that a caller sends, and the files that a command names.

Files exist only in the job's directory. Paths are checked as the CLI sees them: decoded by the type of their flag.
A path out of that directory is refused, and so is a URL that the CLI would fetch itself.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from shared.command.reading import Flag, Reading
from shared.command.values import named
from shared.command.values.types import DecodeError, Names
from shared.errors import ErrorCode, RequestError, shown
from shared.tools.tool import Grammar

MAX_DEPTH = 16
MAX_NAME_BYTES = 255
KERNEL_ROOTS = frozenset({"proc", "dev"})
"""Top-level folders that are refused here. The sandbox blocks the others."""
OF_FILES = (Names.FILE, Names.FILE_OR_URL, Names.KEYED_FILE)
TEMPLATE = "template"
FETCHED = re.compile(r"(?:https?|oci):", re.IGNORECASE)
"""Start of a name that helm fetches. helm chooses a getter by the scheme, with or without `//` after it."""


def check(files: Mapping[str, str]) -> None:
    """Raises `RequestError` if a name is not a plain relative path, or is both a file and a folder."""
    for name in files:
        _check_name(name)
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    if clash := folders & set(files):
        raise RequestError(ErrorCode.FILES_INVALID, f"files: `{shown(min(clash))}` is a file and a folder; rename one.")


def _check_name(name: str) -> None:
    parts = name.split("/")
    if not name.isprintable() or "\\" in name or len(parts) > MAX_DEPTH or not all(map(_is_plain, parts)):
        raise RequestError(
            ErrorCode.FILES_INVALID,
            f"files: `{shown(name)}` is not a plain relative path: use names such as 'values.yaml' or 'chart/x.yaml'.",
        )


def _is_plain(part: str) -> bool:
    return part not in ("", ".", "..") and len(part.encode()) <= MAX_NAME_BYTES


def check_word(word: str) -> None:
    """Raises `RequestError` for a path under `/proc` or `/dev`, in any spelling. For words of unknown meaning."""
    path = posixpath.normpath(word.removeprefix("file://").removeprefix("@"))
    parts = [part for part in path.split("/") if part not in ("", "..")]
    if path.startswith(("/", "../")) and parts and parts[0] in KERNEL_ROOTS:
        raise RequestError(
            ErrorCode.COMMAND_REFUSED,
            f"Paths under /{parts[0]} belong to the worker: send the content in `stdin` (with `-f -`) or as a file in "
            "`files`.",
        )


def check_named(grammar: Grammar, reading: Reading) -> None:
    """Raises `RequestError` if the command names a file outside the job's directory."""
    for where, name in _named(grammar, reading):
        if "://" in name or FETCHED.match(name) or _leads_out(name):
            raise _refused(where)
    if reading.path in grammar.file_operands:
        for operand in reading.operands:
            scheme = operand.partition("://")[0] if "://" in operand else None
            if scheme not in grammar.fetched_schemes and (scheme or _leads_out(operand)):
                raise _refused("An operand")


def _named(grammar: Grammar, reading: Reading) -> Iterator[tuple[str, str]]:
    """Yields each flag that names a file, as messages show it, and the file."""
    for flag in reading.flags:
        where = f"`--{flag.name}`"
        if flag.names is Names.FORMAT:
            form, file = named.template_file(flag.text or "")
            if form in grammar.file_formats:
                yield where, file
                yield from ((f"`--{TEMPLATE}`", path) for path in reading.texts(TEMPLATE))
        elif flag.names in OF_FILES:
            yield from ((where, name) for name in _names_in(flag, where))
        elif flag.written is not None and flag.decoded is None:
            check_word(flag.written)  # how the CLI reads it is unknown


def _names_in(flag: Flag, where: str) -> Iterator[str]:
    if flag.names is None or flag.decoded is None:
        return
    try:
        yield from named.names_in(flag.names, flag.decoded)
    except DecodeError as error:
        raise RequestError(ErrorCode.FLAG_REFUSED, f"{where} cannot be read: {error}.") from error


def _leads_out(name: str) -> bool:
    path = posixpath.normpath(name.strip().removeprefix("@")) if name else ""
    return path.startswith(("/", "~")) or ".." in path.split("/")


def _refused(where: str) -> RequestError:
    return RequestError(
        ErrorCode.COMMAND_REFUSED,
        f"{where} names something outside the command's directory: send the content in `stdin` (as `-`), or as a "
        "file in `files` and use the file's name.",
    )
