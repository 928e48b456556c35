"""Without a live worker: a caller that waits is told at once, and one that does not may wait for workers to come."""

import asyncio

import httpx
import pytest
from redis.asyncio import Redis

from shared.models import Lane
from shared.store import key_names
from tests.integration.gateway import served
from tests.support.hand_worker import HandWorker
from tests.support.waiting import wait_until

BODY = {"command": served.LOCAL_COMMAND}


@pytest.mark.parametrize("headers", [{}, {"Prefer": "wait=5"}, {"Prefer": "wait=0"}])
async def test_caller_that_waits_gets_503_and_nothing_is_queued(
    client: httpx.AsyncClient, redis: Redis, headers: dict[str, str]
) -> None:
    answer = await client.post("/tools/kubectl", json=BODY, headers=headers)
    assert (answer.status_code, served.code(answer)) == (503, "no-worker")
    assert int(answer.headers["Retry-After"]) > 0
    assert "respond-async" in answer.json()["detail"]
    assert await served.is_untouched(redis)


async def test_worker_of_another_tool_does_not_count(
    client: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    await worker.announce("helm")
    answer = await client.post("/tools/kubectl", json=BODY)
    assert (answer.status_code, served.code(answer)) == (503, "no-worker")
    assert await served.is_untouched(redis)


async def test_worker_that_ended_a_short_time_ago_may_be_restarting(
    client: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    await worker.announce("kubectl")
    await worker.withdraw()
    answer = await client.post("/tools/kubectl", json=BODY)
    assert (answer.status_code, served.code(answer)) == (503, "no-worker")
    assert "may be restarting: send the request again in some seconds" in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    other = await client.post("/tools/helm", json=BODY)
    assert "restarting" not in other.json()["detail"]
    assert await served.is_untouched(redis)


async def test_worker_whose_announcement_has_ended_does_not_count(
    client: httpx.AsyncClient, worker: HandWorker
) -> None:
    await worker.announce()
    await worker.die()
    answer = await client.post("/tools/kubectl", json=BODY)
    assert (answer.status_code, served.code(answer)) == (503, "no-worker")


@pytest.mark.parametrize("prefer", ["respond-async", "respond-async, wait=0.05", "RESPOND-ASYNC; x=1"])
async def test_respond_async_is_queued(client: httpx.AsyncClient, redis: Redis, prefer: str) -> None:
    answer = await client.post("/tools/kubectl", json=BODY, headers={"Prefer": prefer})
    assert answer.status_code == 202
    assert await served.queued(redis) == [answer.json()["id"]]


async def test_second_prefer_header_counts(client: httpx.AsyncClient) -> None:
    headers = [("Prefer", "return=minimal"), ("Prefer", "respond-async")]
    answer = await client.post("/tools/kubectl", json=BODY, headers=headers)
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"


async def test_accepted_job_says_where_and_when_to_ask(client: httpx.AsyncClient) -> None:
    answer = await client.post("/tools/kubectl", json=BODY, headers=served.ASYNC)
    job = answer.json()
    assert answer.headers["Location"] == f"/jobs/{job['id']}" == job["links"]["self"]
    assert int(answer.headers["Retry-After"]) > 0
    assert (job["tool"], job["state"], job["class"], job["response"]) == ("kubectl", "queued", "local", None)
    assert (await client.get(answer.headers["Location"])).json() == job


async def test_submitted_job_is_queued_and_says_where_and_when_to_ask(client: httpx.AsyncClient, redis: Redis) -> None:
    answer = await client.post("/jobs", json={"tool": "kubectl", **BODY})
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/jobs/{answer.json()['id']}"
    assert int(answer.headers["Retry-After"]) > 0
    assert await served.queued(redis) == [answer.json()["id"]]


async def test_what_lies_in_redis_shows_nothing_of_the_request(client: httpx.AsyncClient, redis: Redis) -> None:
    body = {"tool": "kubectl", "command": "get pods -n canary-namespace", "stdin": "canary-token"}
    assert (await client.post("/jobs", json=body, headers=served.kubeconfig_header())).status_code == 202
    kept = [await redis.dump(name) async for name in redis.scan_iter()]
    assert kept
    assert not any(b"canary" in value or b"get pods" in value for value in kept)


async def test_full_queue_is_429(client: httpx.AsyncClient, redis: Redis) -> None:
    full = {f"{number:032x}": 2**50 for number in range(1_000)}
    await redis.zadd(key_names.queue(Lane.FAST), full)
    answer = await client.post("/jobs", json={"tool": "kubectl", **BODY})
    assert (answer.status_code, served.code(answer)) == (429, "queue-full")
    assert int(answer.headers["Retry-After"]) > 0
    assert not await served.jobs(redis)


@pytest.mark.parametrize("headers", [{}, {"Prefer": "wait=25"}])
async def test_who_waits_when_the_last_worker_dies_is_told_so_and_the_job_cancelled(
    client: httpx.AsyncClient, redis: Redis, worker: HandWorker, headers: dict[str, str]
) -> None:
    await worker.announce()
    unattended = await served.submitted(client)
    call = asyncio.create_task(client.post("/tools/kubectl", json=BODY, headers=headers))
    await wait_until(lambda: _are_queued(redis, 2))
    [job_id] = {*await served.queued(redis)} - {unattended}
    await worker.die()
    answer = await call
    assert (answer.status_code, served.code(answer)) == (503, "no-worker")
    assert int(answer.headers["Retry-After"]) > 0
    assert await served.has_state(client, job_id, "cancelled")
    assert await served.queued(redis) == [unattended], "workers may still come for it"


async def _are_queued(redis: Redis, count: int) -> bool:
    return len(await served.queued(redis)) == count
