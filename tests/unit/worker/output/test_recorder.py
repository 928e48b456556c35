"""How much of a command's output is kept, and where it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import EventKind
from tests.support.recorders import recorder_of
from worker.output.recorder import OutputLimits

LIMIT = 5
OUT = EventKind.STDOUT


def text_of(*chunks: bytes, limit: int = LIMIT) -> tuple[str, bool]:
    recorder = recorder_of(OutputLimits(response_characters=limit, stored_bytes=1_000))
    for chunk in chunks:
        recorder.add(OUT, chunk)
    return recorder.text(OUT)


@pytest.mark.parametrize(
    ("output", "text", "is_cut"),
    [
        pytest.param(b"", "", False, id="nothing"),
        pytest.param(b"12345", "12345", False, id="exactly the limit"),
        pytest.param(b"123456", "12345", True, id="one character more"),
        pytest.param("😀".encode() * 5, "😀" * 5, False, id="the limit in characters of four bytes"),
        pytest.param("😀".encode() * 5 + b"x", "😀" * 5, True, id="and one byte more"),
        pytest.param(b"1234" + "😀".encode()[:2], "1234\ufffd", False, id="ends inside a character"),
        pytest.param(b"\xff\x00\x1b", "\ufffd\0\x1b", False, id="no UTF-8"),
        pytest.param(b"x" * 1_000, "xxxxx", True, id="far beyond"),
    ],
)
def test_text_is_the_beginning_of_the_output(output: bytes, text: str, is_cut: bool) -> None:
    assert text_of(output) == (text, is_cut)


@given(st.lists(st.binary(max_size=12), max_size=12))
def test_chunks_do_not_matter_to_the_text(chunks: list[bytes]) -> None:
    output = b"".join(chunks)
    whole = output.decode("utf-8", "replace")

    text, is_cut = text_of(*chunks)

    assert whole.startswith(text)
    assert len(text) <= LIMIT
    assert is_cut == (text != whole)


def test_streams_are_cut_apart() -> None:
    recorder = recorder_of(OutputLimits(response_characters=LIMIT, stored_bytes=1_000))
    recorder.add(EventKind.STDOUT, b"123456789")
    recorder.add(EventKind.STDERR, b"abc")

    assert recorder.text(EventKind.STDOUT) == ("12345", True)
    assert recorder.text(EventKind.STDERR) == ("abc", False)


def test_what_exceeds_the_stored_output_is_counted_and_dropped() -> None:
    recorder = recorder_of(OutputLimits(response_characters=100, stored_bytes=100))
    for _ in range(10):
        recorder.add(EventKind.STDOUT, b"x" * 100)
    stored_bytes = sum(len(event.token) for event in recorder.remaining())

    assert 900 <= recorder.dropped_bytes < 1_000
    assert stored_bytes < 1_000
    assert recorder.text(EventKind.STDOUT) == ("x" * 100, True)


def test_events_are_numbered_from_one_without_a_gap() -> None:
    recorder = recorder_of()
    for kind in (EventKind.STDOUT, EventKind.STDERR, EventKind.STDOUT):
        recorder.add(kind, b"line\n")

    assert [event.sequence for event in recorder.remaining()] == [1, 2, 3]
