"""Which files and URLs a decoded value names, for those who judge them: they never look at the text that was given."""

from collections.abc import Iterator, Mapping

from shared.command.values.decoding import Value
from shared.command.values.set_language import Assignment
from shared.command.values.types import DecodeError, Names

_OF_PATHS = frozenset({Names.FILE, Names.FILE_OR_URL, Names.URL, Names.OBJECT})


def texts(value: Value) -> Iterator[str]:
    """The texts in a decoded value: a list's elements, a map's values, what `--set-file` assigns."""
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
    """What the CLI looks up: files, URLs, objects. Raises DecodeError for what it would not take.

    Of an output format only the caller knows which formats name files: `template_file` takes one apart.
    """
    for text in texts(value):
        if names is Names.KEYED_FILE:
            yield keyed_file(text)
        elif names in _OF_PATHS:
            yield text


def keyed_file(text: str) -> str:
    """The file of kubectl's `FILE` or `KEY=FILE` (k8s.io/kubectl pkg/util/util.go). Raises DecodeError."""
    key, separator, file = text.partition("=")
    if separator and not (key and file and "=" not in file):
        raise DecodeError("it is neither `FILE` nor `KEY=FILE`, and a `=` can be part of neither")
    return file if separator else text


def template_file(text: str) -> tuple[str, str]:
    """The format's name, and the file behind its `=`, which is empty where there is none."""
    name, _, file = text.partition("=")
    return name, file
