"""Text without what only a terminal understands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import terminal


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[1;38;5;208mbold\x1b[m", "bold"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[2K\rdone\r\n", "\rdone\r\n"),
        ("data\x00with\x01bytes\r\n", "data\x00with\x01bytes\r\n"),
        ("\x9b31mC1\x9d0;title\x9c.", "C1."),
        ("\x1b(Btext", "text"),
        ("\x1b]never ended\nnext line", "\nnext line"),
        ("ends with \x1b", "ends with "),
        ("umlauts äöü, 日本語 😀", "umlauts äöü, 日本語 😀"),
    ],
)
def test_sequences_are_taken_out(written: str, read: str) -> None:
    assert terminal.plain(written) == read


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])))
def test_printed_characters_stay(text: str) -> None:
    assert terminal.plain(text) == text


@given(st.text())
def test_nothing_that_controls_a_terminal_is_left(text: str) -> None:
    left = terminal.plain(text)

    assert not any(character == "\x1b" or "\x80" <= character <= "\x9f" for character in left)
    assert terminal.plain(left) == left


@given(st.text(st.characters(codec="ascii", exclude_characters="\x1b")))
def test_data_without_an_escape_stays_as_it_is(text: str) -> None:
    assert terminal.plain(text) == text
