import pytest

from worker.output.masking import held_output
from worker.output.masking.held_output import HeldOutput

RELEASE = b'{"name": "web", "config": {"password": "hunter2"}}\n'


def held(*chunks: bytes) -> HeldOutput:
    output = HeldOutput()
    for chunk in chunks:
        output.add(chunk)
    return output


@pytest.mark.parametrize("size", [1, 7, len(RELEASE)])
async def test_chunks_are_masked_as_a_whole(size: int) -> None:
    output = held(*(RELEASE[at : at + size] for at in range(0, len(RELEASE), size)))
    assert b"[masked, 7 bytes]" in await output.masked()
    assert output.withheld is None


async def test_nothing_is_nothing() -> None:
    output = held()
    assert await output.masked() == b""
    assert output.withheld is None


@pytest.mark.parametrize(("data", "reason"), [(b"name: \xff\n", "not UTF-8 text"), (RELEASE[:-3], "not complete JSON")])
async def test_what_cannot_be_read_is_withheld_and_told(data: bytes, reason: str) -> None:
    output = held(data)
    assert await output.masked() == b""
    assert reason in (output.withheld or "")
    assert "hunter2" not in (output.withheld or "")


async def test_more_than_is_held_is_withheld_and_told() -> None:
    output = held(RELEASE, b" " * held_output.MOST_BYTES, RELEASE)
    assert await output.masked() == b""
    assert f"more than {held_output.MOST_BYTES} bytes" in (output.withheld or "")
