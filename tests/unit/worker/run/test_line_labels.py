"""Where a stage's name is put into what it writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.run.line_labels import MAX_LINE_BYTES, LabelledLines


def labelled(*chunks: bytes) -> list[bytes]:
    """What is passed on, call by call."""
    passed_on: list[bytes] = []
    lines = LabelledLines("jq", passed_on.append)
    for chunk in chunks:
        lines.add(chunk)
    lines.end()
    return passed_on


@pytest.mark.parametrize(
    ("chunks", "passed_on"),
    [
        pytest.param([b"one\ntwo\n"], [b"[jq] one\n[jq] two\n"], id="lines of one chunk at once"),
        pytest.param([b"o", b"ne\n"], [b"[jq] one\n"], id="line in two chunks"),
        pytest.param([b"one\ntw", b"o"], [b"[jq] one\n", b"[jq] two\n"], id="end without a line feed"),
        pytest.param([b"\n\n"], [b"[jq] \n[jq] \n"], id="empty lines"),
        pytest.param([], [], id="nothing"),
        pytest.param([b"\xff\xc3", b"\xa4\n"], [b"[jq] \xff\xc3\xa4\n"], id="bytes are left alone"),
    ],
)
def test_each_line_begins_with_the_stage(chunks: list[bytes], passed_on: list[bytes]) -> None:
    assert labelled(*chunks) == passed_on


def test_line_without_an_end_is_broken_and_not_kept() -> None:
    chunks = [b"x" * MAX_LINE_BYTES, b"y" * MAX_LINE_BYTES, b"z"]

    assert labelled(*chunks) == [
        b"[jq] " + b"x" * MAX_LINE_BYTES + b"\n",
        b"[jq] " + b"y" * MAX_LINE_BYTES + b"\n",
        b"[jq] z\n",
    ]


@given(st.lists(st.text(alphabet="ab\n", max_size=9).map(str.encode), max_size=9))
def test_chunks_do_not_matter_to_the_lines(chunks: list[bytes]) -> None:
    text = b"".join(chunks)

    assert b"".join(labelled(*chunks)).splitlines() == [b"[jq] " + line for line in text.splitlines()]
