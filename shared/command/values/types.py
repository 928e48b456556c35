"""The types that flags have, and what the texts in a decoded value name. The tables say which flag has which."""

from enum import StrEnum


class DecodeError(Exception):
    """The CLI would not take the value. The text says what is wrong with it, in words that repeat nothing of it."""


class ValueType(StrEnum):
    """How a flag reads what it is given; each value is the type's word in the tables."""

    BOOL = "bool"
    INT = "int"
    DURATION = "duration"
    STRING = "string"
    """Taken as it is. Types that only one CLI has count as strings: the CLI checks their words itself."""
    LIST = "list"
    """pflag's StringSlice: a line of CSV, and each further flag adds to it."""
    ARRAY = "array"
    """pflag's StringArray: taken as it is, and each further flag adds one."""
    MAP = "map"
    """pflag's StringToString: `key=value`, or a line of CSV of them."""
    SET = "set"
    """helm's `--set`: its own language of keys, lists and escapes; so are those below."""
    SET_STRING = "set-string"
    SET_JSON = "set-json"
    SET_FILE = "set-file"
    SET_LITERAL = "set-literal"


class Names(StrEnum):
    """What the texts in a decoded value name, where the CLI looks it up; each value is its word in the tables."""

    FILE = "file"
    """A file or folder that the CLI reads or writes."""
    FILE_OR_URL = "file-or-url"
    """The CLI fetches it where it is a URL."""
    KEYED_FILE = "keyed-file"
    """`FILE` or `KEY=FILE`, as `kubectl create configmap --from-file` takes it."""
    FORMAT = "format"
    """An output format, which may hold the name of a template file: `jsonpath-file=FILE`."""
    URL = "url"
    """An address that the CLI itself connects to."""
    OBJECT = "object"
    """An object of the cluster: `KIND/NAME`."""
