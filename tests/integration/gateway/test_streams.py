"""Following a job, and reading what it has printed, from any place and any gateway."""

import asyncio
import random
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from shared.events import EventKind
from shared.sealing.fernet_keys import MasterKeys
from shared.store import key_names
from tests.integration.gateway import served
from tests.support.events import Event, all_events, following
from tests.support.hand_worker import HandWorker
from tests.support.product import Product
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

OUT, ERR = EventKind.STDOUT, EventKind.STDERR
PRINTED = ((OUT, b"one\n"), (ERR, b"warning\n"), (OUT, b"\x1b[31mtwo\x1b[0m\n"), (OUT, "drei €\n".encode()))
UNKNOWN_ID = "0" * 48
MEBIBYTE = 1024 * 1024


async def printing(
    client: httpx.AsyncClient, worker: HandWorker, *, ends: bool, command: str = served.LOCAL_COMMAND
) -> str:
    """A job that has printed all that, and has ended or not."""
    job_id = await served.submitted(client, command)
    claim = await worker.claim(job_id)
    await worker.write(claim, *PRINTED)
    if ends:
        await worker.settle(claim)
    return job_id


async def all_pages(client: httpx.AsyncClient, job_id: str, *, stream: EventKind, limit: int) -> list[bytes]:
    """The output of an ended job, page by page."""
    pages, offset, is_complete = [], 0, False
    while not is_complete:
        page = await client.get(f"/jobs/{job_id}/output", params={"stream": stream, "offset": offset, "limit": limit})
        assert len(page.content) <= limit
        pages.append(page.content)
        offset = int(page.headers["X-Next-Offset"])
        is_complete = page.headers["X-Complete"] == "true"
    return pages


async def has_followers(redis: Redis, job_id: str, gateways: int) -> bool:
    """Whether so many gateways are told of the job's changes."""
    async with redis.pipeline() as pipe:
        pipe.scard(key_names.FOLLOWERS + job_id)
        [count] = await pipe.execute()
    return bool(count == gateways)


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


async def test_ended_job_is_told_from_its_start(client: httpx.AsyncClient, worker: HandWorker) -> None:
    events = await all_events(client, await printing(client, worker, ends=True))

    assert names(events) == ["stdout", "stderr", "stdout", "stdout", "state", "end"]
    assert [event.data["text"] for event in events[:4]] == ["one\n", "warning\n", "two\n", "drei €\n"]
    assert events[-2].data["state"] == "succeeded"
    assert events[-1].data == {"state": "succeeded", "success": True, "exit_code": 0}


async def test_resuming_after_any_event_gives_the_rest_and_no_more(
    client: httpx.AsyncClient, worker: HandWorker
) -> None:
    job_id = await printing(client, worker, ends=True)
    events = await all_events(client, job_id)

    assert len({event.id for event in events}) == len(events)
    for place, event in enumerate(events[:-1], 1):
        assert await all_events(client, job_id, after=event.id) == events[place:]
    assert (await client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": events[-1].id})).status_code == 204


async def test_events_come_as_they_happen_and_from_any_gateway(
    client: httpx.AsyncClient, product: Product, worker: HandWorker
) -> None:
    job_id = await served.submitted(client)
    other_url = await product.gateway()
    async with (
        httpx.AsyncClient(base_url=other_url, timeout=served.TIMEOUT_S) as other,
        following(other, job_id) as events,
    ):
        assert (await anext(events)).data["state"] == "queued"
        claim = await worker.claim(job_id)
        assert (await anext(events)).data["state"] == "running"
        await worker.write(claim, (OUT, b"hello\n"))
        assert (await anext(events)).data["text"] == "hello\n"
        await worker.settle(claim)
        assert [event.name async for event in events] == ["state", "end"]


async def test_followers_share_one_connection_and_leave_nothing_behind(
    client: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    job_id = await printing(client, worker, ends=False)
    before = len(await redis.client_list(_type="pubsub"))

    async def follow_a_little() -> None:
        async with following(client, job_id) as events:
            await anext(events)
            await wait_until(lambda: has_followers(redis, job_id, 1))

    await asyncio.gather(*(follow_a_little() for _ in range(20)))
    assert len(await redis.client_list(_type="pubsub")) == before
    await wait_until(lambda: has_followers(redis, job_id, 0))


async def test_silent_stream_has_heartbeats(product: Product) -> None:
    url = await product.gateway(K8S_MCP_HEARTBEAT_S="1")
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
        job_id = await served.submitted(client)
        async with client.stream("GET", f"/jobs/{job_id}/events") as response:
            async for line in response.aiter_lines():
                if line.startswith(": ping"):
                    break


async def test_stopping_gateway_ends_the_stream_without_an_end(product: Product, worker: HandWorker) -> None:
    url = await product.gateway()
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
        job_id = await printing(client, worker, ends=False)
        async with following(client, job_id) as events:
            first = await anext(events)
            product.processes[-1].stop()
            rest = [event async for event in events]
    assert "end" not in names([first, *rest])


@pytest.mark.parametrize("limit", [1, 3, 4, 5, 1_000])
async def test_pages_put_together_are_what_was_written(
    client: httpx.AsyncClient, worker: HandWorker, limit: int
) -> None:
    job_id = await printing(client, worker, ends=True)
    for stream in (OUT, ERR):
        whole = b"".join(await all_pages(client, job_id, stream=stream, limit=limit))
        assert whole == b"".join(data for kind, data in PRINTED if kind is stream), "escapes are kept"


async def test_page_of_a_running_job_is_not_complete(client: httpx.AsyncClient, worker: HandWorker) -> None:
    job_id = await printing(client, worker, ends=False)
    page = await client.get(f"/jobs/{job_id}/output?stream=stderr&offset=3")
    assert (page.content, page.headers["X-Next-Offset"], page.headers["X-Complete"]) == (b"ning\n", "8", "false")


async def test_offset_past_the_end_gives_nothing_and_says_where_the_end_is(
    client: httpx.AsyncClient, worker: HandWorker
) -> None:
    job_id = await printing(client, worker, ends=True)
    page = await client.get(f"/jobs/{job_id}/output?stream=stderr&offset=1000")
    assert (page.status_code, page.content) == (200, b"")
    assert (page.headers["X-Next-Offset"], page.headers["X-Complete"]) == ("8", "true")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/jobs/{UNKNOWN_ID}/events", 404),
        (f"/jobs/{UNKNOWN_ID}/output", 404),
        ("/jobs/no-id/events", 404),
        ("/jobs/{job_id}/output?stream=stdin", 422),
        ("/jobs/{job_id}/output?offset=-1", 422),
        ("/jobs/{job_id}/output?offset=nan", 422),
        ("/jobs/{job_id}/output?offset=99999999999999999999999999", 422),
        ("/jobs/{job_id}/output?limit=0", 422),
        ("/jobs/{job_id}/output?limit=nan", 422),
        ("/jobs/{job_id}/output?limit=99999999", 422),
    ],
)
async def test_bad_request_is_a_problem(client: httpx.AsyncClient, path: str, status: int) -> None:
    job_id = await served.submitted(client)
    answer = await client.get(path.format(job_id=job_id))
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


async def test_id_that_is_none_of_the_streams_is_told(client: httpx.AsyncClient) -> None:
    job_id = await served.submitted(client)
    answer = await client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": "everything"})
    assert (answer.status_code, served.code(answer)) == (422, "request-invalid")


@pytest.mark.parametrize("limit", [49, 50, 51, 100])
async def test_page_that_ends_with_an_event_does_not_pass_for_the_last(
    client: httpx.AsyncClient, worker: HandWorker, limit: int
) -> None:
    job_id = await served.submitted(client)
    claim = await worker.claim(job_id)
    await worker.write(claim, *[(OUT, b"x")] * 150)
    await worker.settle(claim)

    page = await client.get(f"/jobs/{job_id}/output", params={"limit": limit})

    assert (len(page.content), page.headers["X-Complete"]) == (limit, "false")


@pytest.mark.parametrize("stream", [OUT, ERR])
async def test_output_that_came_byte_by_byte_is_paged_to_its_end(
    client: httpx.AsyncClient, worker: HandWorker, stream: EventKind
) -> None:
    """In more events than one page opens, of two streams of which one is rare."""
    job_id = await served.submitted(client)
    claim = await worker.claim(job_id)
    output = [(OUT if number % 1_500 else ERR, bytes([number % 251])) for number in range(4_000)]
    await worker.write(claim, *output)
    await worker.settle(claim)

    pages = await all_pages(client, job_id, stream=stream, limit=MEBIBYTE)

    assert b"".join(pages) == b"".join(data for kind, data in output if kind is stream)
    assert all(pages[:-1])


async def test_ten_mebibytes_come_back_as_they_were_written(client: httpx.AsyncClient, worker: HandWorker) -> None:
    written = random.Random(10).randbytes(10 * MEBIBYTE)
    job_id = await served.submitted(client)
    claim = await worker.claim(job_id)
    step = 60_000
    await worker.write(claim, *[(OUT, written[start : start + step]) for start in range(0, len(written), step)])
    await worker.settle(claim)

    assert b"".join(await all_pages(client, job_id, stream=OUT, limit=MEBIBYTE)) == written
    in_the_middle = await client.get(f"/jobs/{job_id}/output", params={"offset": 7_654_321, "limit": 100_000})
    assert in_the_middle.content == written[7_654_321:7_754_321]
    assert in_the_middle.headers["X-Stored-Bytes"] == str(len(written))
    assert sum(len(event.data["text"]) for event in await all_events(client, job_id) if event.name == "stdout")


async def test_job_of_somebody_else_looks_unknown(client: httpx.AsyncClient, redis: Redis, worker: HandWorker) -> None:
    job_id = await printing(client, worker, ends=True)
    await served.change_record(redis, job_id, principal="somebody else")
    for path in (f"/jobs/{job_id}/events", f"/jobs/{job_id}/output"):
        answer = await client.get(path)
        assert (answer.status_code, served.code(answer)) == (404, "job-unknown")


async def test_gateway_with_other_master_keys_says_so(
    client: httpx.AsyncClient, product: Product, worker: HandWorker
) -> None:
    job_id = await printing(client, worker, ends=True)
    url = await product.gateway(K8S_MCP_MASTER_KEYS=MasterKeys.generate())
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as other:
        [end] = await all_events(other, job_id)
        page = await other.get(f"/jobs/{job_id}/output")
    assert (end.name, end.data["state"]) == ("end", "succeeded")
    assert "master keys" in end.data["error"]
    assert (page.status_code, page.json()["job_id"]) == (503, job_id)


async def test_stream_goes_on_through_a_restart_of_redis(own_valkey: Valkey, tmp_path: Path) -> None:
    with Product(own_valkey.url, tmp_path, entry="gateway.main") as product:
        url = await product.gateway()
        async with Redis.from_url(own_valkey.url) as redis, httpx.AsyncClient(base_url=url, timeout=60) as client:
            worker = HandWorker(redis, product.master_key)
            job_id = await served.submitted(client)
            async with following(client, job_id) as events:
                assert (await anext(events)).data["state"] == "queued"
                await asyncio.to_thread(own_valkey.restart)
                await worker.finish(job_id)
                assert [event.name async for event in events][-1] == "end"


async def lose(redis: Redis, worker: HandWorker, job_id: str) -> None:
    """As if its worker had been silent for too long."""
    await redis.zadd(key_names.LEASES, {job_id: 1}, xx=True)
    await worker.store.sweep(settle_leases=True)


async def test_follower_of_a_read_that_begins_again_is_told_so(
    client: httpx.AsyncClient, worker: HandWorker, redis: Redis
) -> None:
    job_id = await printing(client, worker, ends=False, command=served.READ_COMMAND)
    async with following(client, job_id) as events:
        seen = [await anext(events) for _ in range(5)]
        await lose(redis, worker, job_id)
        seen += [await anext(events) for _ in range(2)]
        claim = await worker.claim(job_id)
        await worker.write(claim, (OUT, b"again\n"))
        await worker.settle(claim)
        seen += [event async for event in events]

    told = [(event.name, event.data.get("text") or event.data.get("attempt")) for event in seen[5:]]
    assert told[:2] == [("restart", 2), ("state", None)]
    assert ("stdout", "again\n") in told
    assert names(seen)[-2:] == ["state", "end"]
    assert names(seen).count("restart") == 1
    assert len({event.id for event in seen}) == len(seen)


async def test_who_resumes_after_the_first_attempt_gets_the_whole_second_one(
    client: httpx.AsyncClient, worker: HandWorker, redis: Redis
) -> None:
    job_id = await printing(client, worker, ends=False, command=served.READ_COMMAND)
    async with following(client, job_id) as events:
        place = [await anext(events) for _ in range(4)][-1].id
    await lose(redis, worker, job_id)
    claim = await worker.claim(job_id)
    await worker.write(claim, (OUT, b"again\n"))
    await worker.settle(claim)

    resumed, fresh = await all_events(client, job_id, after=place), await all_events(client, job_id)

    assert names(resumed) == ["restart", "stdout", "state", "end"]
    assert names(fresh) == ["stdout", "state", "end"]


async def test_pages_say_of_which_attempt_they_are(client: httpx.AsyncClient, worker: HandWorker, redis: Redis) -> None:
    job_id = await printing(client, worker, ends=False, command=served.READ_COMMAND)
    first = await client.get(f"/jobs/{job_id}/output")
    await lose(redis, worker, job_id)
    waiting = await client.get(f"/jobs/{job_id}/output")
    claim = await worker.claim(job_id)
    await worker.write(claim, (OUT, b"again\n"), (ERR, b"warning\n"), (OUT, b"and more\n"))
    second = await client.get(f"/jobs/{job_id}/output", params={"offset": 6})

    assert [answer.headers["X-Attempt"] for answer in (first, waiting, second)] == ["1", "2", "2"]
    assert (waiting.text, second.text) == ("", "and more\n")
