"""Finds the files and URLs that a decoded value names. Checks use these, never the text as written."""

from collections.abc import Iterator, Mapping

from shared.command.values.decoding import Value
from shared.command.values.set_language import Assignment
from shared.command.values.types import DecodeError, Names

_OF_PATHS = frozenset({Names.FILE, Names.FILE_OR_URL, Names.URL, Names.OBJECT})


def texts(value: Value) -> Iterator[str]:
    """Yields the texts in a decoded value: the elements of a list, the values of a map or of assignments."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, tuple):
        for element in value:
            yield from _texts_of(element)


def _texts_of(element: str | Assignment) -> Iterator[str]:
    if isinstance(element, str):
        yield element
    else:
        values = element.value if isinstance(element.value, tuple) else (element.value,)
        yield from (value for value in values if isinstance(value, str))


def names_in(names: Names, value: Value) -> Iterator[str]:
    """Yields what the CLI looks up: files, URLs, objects. Raises DecodeError if the CLI does not accept the value.

    Yields nothing for output formats: the caller knows which formats name files, and splits them (`template_file`).
    """
    for text in texts(value):
        if names is Names.KEYED_FILE:
            yield keyed_file(text)
        elif names in _OF_PATHS:
            yield text


def keyed_file(text: str) -> str:
    """Returns the file of kubectl's `FILE` or `KEY=FILE` (k8s.io/kubectl pkg/util/util.go). Raises DecodeError."""
    key, separator, file = text.partition("=")
    if separator and not (key and file and "=" not in file):
        raise DecodeError("it is neither `FILE` nor `KEY=FILE`, and a key or a file cannot contain `=`")
    return file if separator else text


def template_file(text: str) -> tuple[str, str]:
    """Returns the format's name, and the file after its `=`, which may be empty."""
    name, _, file = text.partition("=")
    return name, file
