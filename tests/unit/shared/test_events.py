import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import EventKind, OutputEvent


@given(content=st.binary(), kind=st.sampled_from(EventKind), at_ms=st.integers(min_value=0, max_value=2**53))
def test_bytes_come_back_unchanged(content: bytes, kind: EventKind, at_ms: int) -> None:
    event = OutputEvent.from_bytes(kind, at_ms, content)

    read = OutputEvent.model_validate_json(event.model_dump_json())

    assert (read.content, read.kind, read.at_ms) == (content, kind, at_ms)


def test_character_cut_in_two_comes_back_whole() -> None:
    first, second = (OutputEvent.from_bytes(EventKind.STDOUT, 0, part) for part in (b"\xe2\x82", b"\xac"))

    assert (first.content + second.content).decode() == "€"


def test_written_event_is_the_agreed_json() -> None:
    event = OutputEvent.from_bytes(
        EventKind.STDERR, 1_700_000_000_000, b"Error", before={EventKind.STDOUT: 7}, progress=3
    )

    assert json.loads(event.model_dump_json()) == {
        "kind": "stderr",
        "at_ms": 1_700_000_000_000,
        "data": "RXJyb3I=",
        "before": {"stdout": 7},
        "progress": 3,
    }


@pytest.mark.parametrize("kind", EventKind)
def test_output_does_not_show_in_text(kind: EventKind) -> None:
    event = OutputEvent.from_bytes(kind, 0, b"secret output")

    assert event.data not in repr(event)
