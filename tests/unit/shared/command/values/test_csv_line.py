import pytest

from shared.command.values import csv_line
from shared.command.values.types import DecodeError


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        pytest.param("", (), id="nothing"),
        pytest.param("a,b", ("a", "b"), id="two"),
        pytest.param(",", ("", ""), id="two-empty-ones"),
        pytest.param('"/etc/hosts"', ("/etc/hosts",), id="quoted"),
        pytest.param('"/a,b","say ""hi"""', ("/a,b", 'say "hi"'), id="comma-and-quotes-within"),
        pytest.param('"a\nb",c', ("a\nb", "c"), id="line-break-within"),
        pytest.param('"a\r\nb"', ("a\nb",), id="windows-line-break-within"),
        pytest.param("\n\r\na,b\nc", ("a", "b"), id="first-line-only"),
        pytest.param(" a , b ", (" a ", " b "), id="blanks-belong-to-the-field"),
        pytest.param("a\r", ("a",), id="carriage-return-at-the-end"),
        pytest.param("a\rb", ("a\rb",), id="carriage-return-within"),
    ],
)
def test_line_is_split_into_fields(text: str, fields: tuple[str, ...]) -> None:
    assert csv_line.fields(text) == fields


@pytest.mark.parametrize("text", ['"', 'a"b', '"a"b', ' "a"', '"a', '"a""', "\n", "\r\n\n", "\r"])
def test_line_that_is_not_csv_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        csv_line.fields(text)
