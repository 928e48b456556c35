"""What a job changes in its cluster, as callers read it: page by page, as events, and after its worker was lost."""

from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from shared.changes import Change, ChangeState
from shared.events import EventKind
from shared.models import JobState
from shared.sealing.fernet_keys import MasterKeys
from shared.store.attempts import Claim
from tests.integration.gateway import served
from tests.support import changes, jobs
from tests.support.changes import change, done
from tests.support.events import all_events, following
from tests.support.hand_worker import HandWorker
from tests.support.product import Product
from tests.support.recorders import LIMITS
from worker.job_control import JobControl
from worker.output.recorder import OutputRecorder

OUT = EventKind.STDOUT
NOTED = (change(1), change(2, name=""), done(2, name="web-x7k2"), change(3))


def as_json(*noted: Change) -> list[dict[str, Any]]:
    return [each.model_dump(mode="json") for each in noted]


async def changing(client: httpx.AsyncClient, worker: HandWorker, *noted: Change) -> tuple[str, Claim]:
    """A running job that has noted these changes."""
    job_id = await served.submitted(client, served.WRITE_COMMAND)
    claim = await worker.claim(job_id)
    await worker.write(claim, *map(changes.event, noted))
    return job_id, claim


async def page(client: httpx.AsyncClient, job_id: str, **query: str | int) -> dict[str, Any]:
    answer = await client.get(f"/jobs/{job_id}/changes", params=query)
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_each_change_has_its_newest_state(client: httpx.AsyncClient, worker: HandWorker) -> None:
    job_id, _ = await changing(client, worker, *NOTED)

    assert await page(client, job_id) == {
        "changes": as_json(change(1), done(2, name="web-x7k2"), change(3)),
        "next_cursor": None,
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10])
async def test_pages_put_together_are_all_changes(client: httpx.AsyncClient, worker: HandWorker, limit: int) -> None:
    noted = [change(number) for number in range(1, 8)]
    job_id, claim = await changing(client, worker, *noted)
    await worker.settle(claim)
    found, query = [], {"limit": str(limit)}
    while True:
        answer = await page(client, job_id, **query)
        found += answer["changes"]
        assert len(answer["changes"]) <= limit
        if answer["next_cursor"] is None:
            break
        query["cursor"] = answer["next_cursor"]

    assert found == as_json(*noted)


async def test_job_links_to_its_changes_and_without_any_there_is_an_empty_page(client: httpx.AsyncClient) -> None:
    job = (await client.get(f"/jobs/{await served.submitted(client)}")).json()

    answer = await client.get(job["links"]["changes"])

    assert answer.json() == {"changes": [], "next_cursor": None}


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "cursor=1e3", "cursor=%D9%A1", "limit=0", "limit=501"])
async def test_bad_page_is_a_problem(client: httpx.AsyncClient, query: str) -> None:
    job_id = await served.submitted(client)
    answer = await client.get(f"/jobs/{job_id}/changes?{query}")

    assert (answer.status_code, answer.headers["Content-Type"]) == (422, served.PROBLEM)


async def test_changes_of_somebody_else_look_unknown(
    client: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    job_id, _ = await changing(client, worker, *NOTED)
    await served.change_record(redis, job_id, principal="somebody else")

    answer = await client.get(f"/jobs/{job_id}/changes")

    assert (answer.status_code, served.code(answer)) == (404, "job-unknown")


async def test_gateway_with_other_master_keys_says_so(
    client: httpx.AsyncClient, product: Product, worker: HandWorker
) -> None:
    job_id, _ = await changing(client, worker, *NOTED)
    url = await product.gateway(K8S_MCP_MASTER_KEYS=MasterKeys.generate())
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as other:
        answer = await other.get(f"/jobs/{job_id}/changes")

    assert (answer.status_code, answer.json()["job_id"]) == (503, job_id)


async def test_changes_are_events_in_their_place_among_the_output(
    client: httpx.AsyncClient, worker: HandWorker
) -> None:
    job_id = await served.submitted(client, served.WRITE_COMMAND)
    claim = await worker.claim(job_id)
    output = [(OUT, b"one\n"), changes.event(change(1)), (OUT, b"two\n"), changes.event(done(1))]
    await worker.write(claim, *output)
    await worker.settle(claim, changes=changes.told(done(1)))

    events = await all_events(client, job_id)

    assert [event.name for event in events] == ["stdout", "change", "stdout", "change", "state", "end"]
    shown = [{**event.data, "at": None} for event in events if event.name == "change"]
    assert shown == [{**each, "at": None} for each in as_json(change(1), done(1))]
    assert events[-1].data["changes"] == "1 created"


async def test_stream_cut_at_each_event_repeats_and_loses_no_change(
    client: httpx.AsyncClient, worker: HandWorker
) -> None:
    job_id, claim = await changing(client, worker, *NOTED)
    await worker.settle(claim)
    seen, last = [], None
    while last is None or last.name != "end":
        async with following(client, job_id, after=last.id if last else None) as events:
            last = await anext(events)
            seen.append(last)

    numbers = [(event.data["number"], event.data["state"]) for event in seen if event.name == "change"]
    assert numbers == [(each.number, each.state) for each in NOTED]


async def test_job_without_changes_says_nothing_of_them(client: httpx.AsyncClient, worker: HandWorker) -> None:
    job_id = await served.submitted(client)
    await worker.finish(job_id)

    assert (await client.get(f"/jobs/{job_id}")).json()["response"]["changes"] is None
    assert "changes" not in (await all_events(client, job_id))[-1].data


async def test_worker_lost_in_the_middle_leaves_what_was_acknowledged_and_what_was_on_its_way(
    client: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    job_id = await served.submitted(client, served.WRITE_COMMAND)
    claim = await worker.claim(job_id)
    key = worker.output_key(claim)
    recorder = OutputRecorder(worker.store, claim.attempt, JobControl(), key=key, limits=LIMITS)
    recorder.add(OUT, b"begun\n")
    for number in range(1, 8):
        assert await recorder.changes.intend(change(number)) is None
        recorder.changes.complete(done(number))
    assert await recorder.changes.intend(change(8, verb="patch", kind="Service")) is None
    await jobs.Jobs(redis).let_lease_end(claim.attempt.job_id)
    await worker.store.sweep(settle_leases=True)

    response = (await client.get(f"/jobs/{job_id}")).json()["response"]
    [end] = [event for event in await all_events(client, job_id) if event.name == "end"]

    assert (response["state"], response["output"]) == (JobState.LOST, "begun\n")
    assert response["error"].splitlines()[:-1] == [
        "the API server has acknowledged: "
        + ", ".join(f"created Deployment shop/web-{number}" for number in range(1, 6))
        + ", and 2 more",
        "on their way, and may have happened: patch Service shop/web-8",
    ]
    assert response["changes"]["summary"] == end.data["changes"] == "7 created, 1 on its way"
    assert [each["state"] for each in response["changes"]["items"]] == [ChangeState.DONE] * 7 + [ChangeState.ON_ITS_WAY]
    assert (await page(client, job_id))["changes"] == response["changes"]["items"]
