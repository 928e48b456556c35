"""Files that a command names: the job's own are taken, and `-` for standard input; nothing else of the worker's.

A path that leads out of the job's directory, and an address that the CLI would fetch by itself, are refused.
"""

import posixpath
from collections.abc import Iterator

from shared.command.reading import Reading
from shared.errors import ErrorCode, RequestError
from shared.tools.tool import Grammar

OUTPUT = "output"
TEMPLATE = "template"


def check(grammar: Grammar, reading: Reading) -> None:
    """`RequestError` if the command names a file that is none of the job's."""
    for where, value in _named(grammar, reading):
        for name in _parts(value):
            if "://" in name or _leads_out(name):
                raise _refused(where)
    if reading.path in grammar.file_operands:
        for operand in reading.operands:
            scheme = operand.partition("://")[0] if "://" in operand else None
            if scheme not in grammar.fetched_schemes and (scheme or _leads_out(operand)):
                raise _refused("An operand")


def _named(grammar: Grammar, reading: Reading) -> Iterator[tuple[str, str]]:
    """Each flag that names files, as it is shown, and its value."""
    for flag in reading.flags:
        if flag.name in grammar.file_flags and flag.value is not None:
            yield f"`--{flag.name}`", flag.value
    formats = [value.partition("=") for value in reading.values(OUTPUT)]
    for name, _, template in formats:
        if name in grammar.file_formats:
            yield f"`--output={name}`", template
            yield from ((f"`--{TEMPLATE}`", path) for path in reading.values(TEMPLATE))


def _parts(value: str) -> Iterator[str]:
    """The value, and the names in it where it lists files (`a,b`) or gives them keys (`key=file`)."""
    yield value
    for part in value.split(","):
        yield part
        yield part.partition("=")[2]


def _leads_out(name: str) -> bool:
    path = posixpath.normpath(name.strip().removeprefix("@")) if name else ""
    return path.startswith(("/", "~")) or ".." in path.split("/")


def _refused(where: str) -> RequestError:
    return RequestError(
        ErrorCode.COMMAND_REFUSED,
        f"{where} names something outside this command's own directory: send the content in `stdin` (as `-`) or as a "
        "file in `files`, and name it as it is named there.",
    )
