import pytest

from shared.command.values import decoding, named
from shared.command.values.types import DecodeError, Names, ValueType


@pytest.mark.parametrize(
    ("value_type", "names", "text", "found"),
    [
        (ValueType.STRING, Names.FILE, "a=b,c", ["a=b,c"]),
        (ValueType.LIST, Names.FILE_OR_URL, '"/etc/hosts",http://host/x', ["/etc/hosts", "http://host/x"]),
        (ValueType.LIST, Names.KEYED_FILE, '"k=/proc/self/fd/3",plain/name', ["/proc/self/fd/3", "plain/name"]),
        (ValueType.SET_FILE, Names.FILE_OR_URL, r"a=\/etc/shadow,b={c,d},e=", ["/etc/shadow", "c", "d"]),
        (ValueType.MAP, Names.FILE, '"a=/b,c",d=e', ["/b,c", "e"]),
        (ValueType.STRING, Names.FORMAT, "jsonpath-file=x", []),
        (ValueType.BOOL, Names.FILE, "true", []),
    ],
)
def test_names_are_those_of_the_decoded_value(value_type: ValueType, names: Names, text: str, found: list[str]) -> None:
    assert list(named.names_in(names, decoding.decode(value_type, text))) == found


@pytest.mark.parametrize("text", ["=file", "key=", "=", "key=a=b"])
def test_keyed_file_has_one_separator(text: str) -> None:
    with pytest.raises(DecodeError):
        named.keyed_file(text)
