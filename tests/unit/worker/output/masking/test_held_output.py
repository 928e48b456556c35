import base64

import pytest

from shared.command.masking import Masking
from worker.output.masking import held_output
from worker.output.masking.held_output import HeldOutput

MARK = base64.b64encode(b"[masked, 7 bytes]")
SECRET = b'{"kind": "Secret", "data": {"a": "aHVudGVyMg=="}}\n'


def held(*chunks: bytes, masking: Masking = Masking.OBJECTS, is_endless: bool = False) -> HeldOutput:
    output = HeldOutput(masking, is_endless=is_endless)
    for chunk in chunks:
        output.add(chunk)
    return output


@pytest.mark.parametrize("size", [1, 7, len(SECRET)])
async def test_chunks_are_masked_as_a_whole(size: int) -> None:
    output = held(*(SECRET[at : at + size] for at in range(0, len(SECRET), size)))
    assert MARK in await output.masked()
    assert output.withheld is None


async def test_nothing_is_nothing() -> None:
    for masking in Masking:
        output = held(masking=masking)
        assert await output.masked() == b""
        assert output.withheld is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"hunter2\n", "not a Kubernetes object"),
        (b"kind: \xff\n", "not UTF-8 text"),
        (SECRET[:-3], "not complete JSON"),
    ],
)
async def test_what_cannot_be_read_is_withheld_and_told(data: bytes, reason: str) -> None:
    output = held(data)
    assert await output.masked() == b""
    assert reason in (output.withheld or "")
    assert "hunter2" not in (output.withheld or "")


async def test_more_than_is_held_is_withheld_and_told() -> None:
    output = held(SECRET, b" " * held_output.MOST_BYTES, SECRET)
    assert await output.masked() == b""
    assert f"more than {held_output.MOST_BYTES} bytes" in (output.withheld or "")


async def test_end_of_a_watch_that_was_cut_off_is_left_out() -> None:
    output = held(SECRET, SECRET[:-5], is_endless=True)
    assert (await output.masked()).count(b"kind") == 1
    assert output.withheld is None
