"""Files: those that a caller sends, and those that a command names.

They exist in the job's directory only. Paths are judged as the CLI will see them: decoded by their flag's own type.
What leads out of that directory is refused, and so is an address that the CLI would fetch by itself.
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
"""The sandbox keeps the rest out of reach."""
OF_FILES = (Names.FILE, Names.FILE_OR_URL, Names.KEYED_FILE)
TEMPLATE = "template"
FETCHED = re.compile(r"(?:https?|oci):", re.IGNORECASE)
"""Start of a name that helm fetches: its getters go by the scheme, with or without `//` behind it."""


def check(files: Mapping[str, str]) -> None:
    """`RequestError` unless every name is a plain relative path, and none is both a file and a folder."""
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
    """`RequestError` for a path under `/proc` or `/dev`, however it is written: for words of which no more is known."""
    path = posixpath.normpath(word.removeprefix("file://").removeprefix("@"))
    parts = [part for part in path.split("/") if part not in ("", "..")]
    if path.startswith(("/", "../")) and parts and parts[0] in KERNEL_ROOTS:
        raise RequestError(
            ErrorCode.COMMAND_REFUSED,
            f"Paths under /{parts[0]} belong to the worker: send the content in `stdin` (with `-f -`) or as a file in "
            "`files`.",
        )


def check_named(grammar: Grammar, reading: Reading) -> None:
    """`RequestError` if the command names a file that is none of the job's."""
    for where, name in _named(grammar, reading):
        if "://" in name or FETCHED.match(name) or _leads_out(name):
            raise _refused(where)
    if reading.path in grammar.file_operands:
        for operand in reading.operands:
            scheme = operand.partition("://")[0] if "://" in operand else None
            if scheme not in grammar.fetched_schemes and (scheme or _leads_out(operand)):
                raise _refused("An operand")


def _named(grammar: Grammar, reading: Reading) -> Iterator[tuple[str, str]]:
    """Each file that a flag names, behind the flag as it is shown."""
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
            check_word(flag.written)  # nobody knows how the CLI reads it


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
        f"{where} names something outside this command's own directory: send the content in `stdin` (as `-`) or as a "
        "file in `files`, and name it as it is named there.",
    )
