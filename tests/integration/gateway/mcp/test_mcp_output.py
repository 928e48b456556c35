"""`read_output`: what a job has printed, as text that a model can read, page by page."""

from typing import Any

import httpx
import pytest

from shared.events import EventKind
from tests.integration.gateway import served
from tests.integration.gateway.mcp import mcp_caller
from tests.integration.gateway.mcp.mcp_caller import MODERN, MODES
from tests.integration.gateway.served import Served
from tests.support.hand_worker import HandWorker

LINES = "".join(f"{number} €\n" for number in range(20_000))


async def printed(
    client: httpx.AsyncClient, worker: HandWorker, *output: tuple[EventKind, bytes], ends: bool = True
) -> str:
    """A job that has printed that."""
    job_id = await served.submitted(client)
    claim = await worker.claim(job_id)
    await worker.write(claim, *output)
    if ends:
        await worker.settle(claim)
    return job_id


async def all_pages(url: str, job_id: str) -> list[str]:
    """The texts of all pages of an ended job, each of which goes on behind the one before."""
    texts, offset, is_complete = [], 0, False
    async with mcp_caller.connected(url, MODERN) as mcp:
        while not is_complete:
            page = mcp_caller.text(await mcp_caller.called(mcp, "read_output", {"job_id": job_id, "offset": offset}))
            assert page["next_offset"] > page["offset"] == offset
            texts.append(page["text"])
            offset, is_complete = page["next_offset"], page["is_complete"]
    return texts


async def read(url: str, mode: str = MODERN, **arguments: Any) -> dict[str, Any]:
    async with mcp_caller.connected(url, mode) as mcp:
        result = await mcp_caller.called(mcp, "read_output", arguments)
    assert not result.is_error, result
    assert result.structured_content == mcp_caller.text(result)
    return mcp_caller.text(result)


@pytest.mark.parametrize("mode", MODES)
async def test_text_is_plain_and_whole(
    gateway: Served, client: httpx.AsyncClient, worker: HandWorker, mode: str
) -> None:
    out, err = (EventKind.STDOUT, b"one\n\x1b[31mtwo\x1b[0m\n"), (EventKind.STDERR, b"warning\n")
    job_id = await printed(client, worker, out, err)

    page = await read(gateway.url, mode, job_id=job_id)
    other = await read(gateway.url, mode, job_id=job_id, stream="stderr")

    assert (page["text"], page["offset"], page["is_complete"]) == ("one\ntwo\n", 0, True)
    assert page["next_offset"] == page["stored_bytes"] == len(out[1])
    assert other["text"] == "warning\n"


async def test_pages_end_with_lines_and_are_together_what_was_printed(
    gateway: Served, client: httpx.AsyncClient, worker: HandWorker
) -> None:
    job_id = await printed(client, worker, (EventKind.STDOUT, LINES.encode()))
    texts = await all_pages(gateway.url, job_id)
    assert "".join(texts) == LINES
    assert len(texts) > 2
    assert all(text.endswith("\n") for text in texts)


async def test_page_of_a_running_job_ends_before_what_is_not_whole_yet(
    gateway: Served, client: httpx.AsyncClient, worker: HandWorker
) -> None:
    job_id = await printed(client, worker, (EventKind.STDOUT, b"a line\nand \x1b[3"), ends=False)
    page = await read(gateway.url, job_id=job_id)
    assert (page["text"], page["next_offset"], page["is_complete"]) == ("a line\n", 7, False)
    rest = await read(gateway.url, job_id=job_id, offset=7)
    assert (rest["text"], rest["next_offset"]) == ("and ", 11)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"job_id": "0" * 48}, "job-unknown"),
        ({}, "request-invalid"),
        ({"job_id": "0" * 48, "stream": "both"}, "request-invalid"),
        ({"job_id": "0" * 48, "offset": -1}, "request-invalid"),
        ({"job_id": "0" * 48, "offset": 2**60}, "request-invalid"),
    ],
)
async def test_bad_question_is_a_result_that_says_why(gateway: Served, arguments: dict[str, Any], code: str) -> None:
    async with mcp_caller.connected(gateway.url, MODERN) as mcp:
        assert mcp_caller.code(await mcp_caller.called(mcp, "read_output", arguments)) == code


async def test_offset_past_the_end_has_no_text(gateway: Served, client: httpx.AsyncClient, worker: HandWorker) -> None:
    job_id = await printed(client, worker, (EventKind.STDOUT, b"one\n"))
    page = await read(gateway.url, job_id=job_id, offset=1_000)
    assert (page["text"], page["is_complete"]) == ("", True)


@pytest.mark.parametrize("data", [b"\xff" * 100_000, b"\x01" * 100_000, b"x" * 100_000], ids=["no text", "NUL", "x"])
async def test_output_without_lines_is_read_to_its_end(
    gateway: Served, client: httpx.AsyncClient, worker: HandWorker, data: bytes
) -> None:
    job_id = await printed(client, worker, (EventKind.STDOUT, data))
    assert len("".join(await all_pages(gateway.url, job_id))) == len(data)
