"""Output as it comes and as it is stored, from a real process to a real client."""

import httpx

from tests.integration.end_to_end.conftest import STORED_OUTPUT_BYTES
from tests.integration.end_to_end.system import System
from tests.support.caller import TIMEOUT_S, Caller
from tests.support.events import all_events, following

LINES = 2_000
TEXT = "Größe: 5 €, 日本語, 😀\n"


async def stored(client: httpx.AsyncClient, job_id: str) -> bytes:
    """All of standard output, page by page."""
    whole, is_complete = b"", False
    while not is_complete:
        page = await client.get(f"/jobs/{job_id}/output", params={"offset": len(whole)})
        whole += page.content
        is_complete = page.headers["X-Complete"] == "true"
    return whole


async def test_output_is_seen_while_the_command_runs_and_its_end_when_it_ends(caller: Caller, system: System) -> None:
    job_id = await caller.submit("stub", "write hang")
    async with (
        httpx.AsyncClient(base_url=system.other_url, timeout=TIMEOUT_S) as other,
        following(other, job_id) as events,
    ):
        async for event in events:
            if event.name == "stdout":
                break
        assert event.data["text"] == "started\n"
        await caller.cancel(job_id)
        last = [event async for event in events]
    assert [event.name for event in last] == ["state", "end"]
    assert last[-1].data["state"] == "cancelled"


async def test_all_lines_arrive_once_and_in_order(caller: Caller) -> None:
    job_id = await caller.submit("stub", f"read numbers {LINES}")
    events = await all_events(caller.http, job_id)
    text = "".join(event.data["text"] for event in events if event.name == "stdout")
    assert text.split() == [str(number) for number in range(LINES)]
    assert await stored(caller.http, job_id) == text.encode()


async def test_characters_that_come_byte_by_byte_are_whole_in_every_event(caller: Caller) -> None:
    job_id = await caller.submit("stub", f"read drip {(TEXT * 20).encode().hex()}")
    events = await all_events(caller.http, job_id)
    texts = [event.data["text"] for event in events if event.name == "stdout"]
    assert "".join(texts) == TEXT * 20
    assert not any("\N{REPLACEMENT CHARACTER}" in text for text in texts)


async def test_stored_output_is_bounded_and_paged_to_its_end(caller: Caller) -> None:
    job_id = await caller.submit("stub", f"read flood {2 * STORED_OUTPUT_BYTES}")
    response = await caller.ended(job_id)
    kept = await stored(caller.http, job_id)
    assert response.truncated
    assert 0.9 * STORED_OUTPUT_BYTES < len(kept) <= STORED_OUTPUT_BYTES
    assert set(kept) == {ord("x")}


async def test_escapes_are_for_terminals_and_kept_in_the_stored_bytes(caller: Caller) -> None:
    written = b"\x1b[31mred\x1b[0m\r\n\xff\n"
    response = await caller.run("stub", f"read hex {written.hex()}")
    assert response.output == "red\r\n\N{REPLACEMENT CHARACTER}\n"
    assert await stored(caller.http, response.job_id) == written
