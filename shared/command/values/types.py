"""The types of flags, and what their values name. The tables give both for each flag."""

from enum import StrEnum


class DecodeError(Exception):
    """The CLI does not accept a value. The message says what is wrong, and repeats no part of the value."""


class ValueType(StrEnum):
    """How a flag reads its value. Each member's text is the type's word in the tables."""

    BOOL = "bool"
    INT = "int"
    DURATION = "duration"
    STRING = "string"
    """Text as it is written. Types that only one CLI has count as strings, and the CLI checks their values."""
    LIST = "list"
    """pflag's StringSlice: a line of CSV. Repeated flags add elements."""
    ARRAY = "array"
    """pflag's StringArray: one element as it is written. Repeated flags add elements."""
    MAP = "map"
    """pflag's StringToString: `key=value`, or a line of CSV of such pairs."""
    SET = "set"
    """helm's `--set`: a language of keys, lists and escapes. The members below use variants of it."""
    SET_STRING = "set-string"
    SET_JSON = "set-json"
    SET_FILE = "set-file"
    SET_LITERAL = "set-literal"


class Names(StrEnum):
    """What a flag's value names, if the CLI looks it up. Each member's text is its word in the tables."""

    FILE = "file"
    """A file or folder that the CLI reads or writes."""
    FILE_OR_URL = "file-or-url"
    """A file, or a URL that the CLI fetches."""
    KEYED_FILE = "keyed-file"
    """`FILE` or `KEY=FILE`, as `kubectl create configmap --from-file` takes it."""
    FORMAT = "format"
    """An output format, which may contain the name of a template file: `jsonpath-file=FILE`."""
    URL = "url"
    """An address that the CLI itself connects to."""
    OBJECT = "object"
    """An object of the cluster: `KIND/NAME`."""
