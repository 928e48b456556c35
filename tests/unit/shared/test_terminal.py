"""Text without what only a terminal understands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import terminal, utf8


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


SEQUENCES = st.sampled_from(
    ["\x1b[31m", "\x1b[1;38;5;208m", "\x1b(B", "\x1b]0;title\x07", "\x1b]8;;x\x1b\\", "\x1b[2K", "é", "\n"]
)


@given(st.lists(st.one_of(SEQUENCES, st.text(max_size=5)), max_size=12), st.lists(st.integers(1, 9), max_size=40))
def test_pieces_that_end_outside_of_sequences_read_as_the_whole(parts: list[str], sizes: list[int]) -> None:
    data = "".join(parts).encode("utf-8", "replace")
    pieces, held, start = [], b"", 0
    for size in [*sizes, len(data)]:
        held += data[start : start + size]
        start += size
        end = terminal.complete_length(held[: utf8.complete_length(held)])
        pieces.append(held[:end])
        held = held[end:]
    pieces.append(held)

    assert b"".join(pieces) == data
    assert "".join(terminal.plain(piece.decode()) for piece in pieces) == terminal.plain(data.decode())


@given(st.binary())
def test_no_bytes_are_held_back_but_the_beginning_of_a_sequence(data: bytes) -> None:
    end = terminal.complete_length(data)

    assert len(data) - end <= terminal.LONGEST_BEGINNING
    assert data[end:] == b"" or data[end] in (0x1B, 0xC2)


@pytest.mark.parametrize("unit", ["\x1b", "\x1b[", "\x1b]", "\x1b[0", "0", " "])
def test_long_text_takes_time_in_proportion_to_its_length(unit: str) -> None:
    """A pattern that went back over what it had read would take hours."""
    text = "\x1b[" + unit * 1_000_000

    assert len(terminal.plain(text)) <= len(text)
    assert terminal.complete_length(text.encode()) <= len(text)


@given(st.text(st.characters(codec="ascii", exclude_characters="\x1b")))
def test_data_without_an_escape_stays_as_it_is(text: str) -> None:
    assert terminal.plain(text) == text
