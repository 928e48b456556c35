"""Pieces of UTF-8 that are cut anywhere are put together again so that each piece is whole."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import utf8


@given(st.text(), st.integers(min_value=0))
def test_what_is_kept_ends_with_a_whole_character(text: str, cut: int) -> None:
    data = text.encode("utf-8", "surrogatepass")[: cut % 64]
    end = utf8.complete_length(data)

    assert len(data) - end < 4
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    assert decoder.decode(data) == data[:end].decode("utf-8", "replace")


@given(st.binary())
def test_no_bytes_are_held_back_but_a_beginning(data: bytes) -> None:
    end = utf8.complete_length(data)

    assert 0 <= len(data) - end <= 3
    assert data[end:] == b"" or data[end] >= 0xC2


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"", 0),
        (b"a", 1),
        ("é".encode(), 2),
        ("é".encode()[:1], 0),
        ("a€".encode()[:-1], 1),
        ("a€".encode()[:-2], 1),
        ("😀".encode()[:3], 0),
        ("😀".encode(), 4),
        (b"\xff", 1),
        (b"\x80\x80\x80\x80", 4),
    ],
)
def test_examples(data: bytes, end: int) -> None:
    assert utf8.complete_length(data) == end
