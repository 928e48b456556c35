"""Ending a request ends the wait: the submitting one only, and only until its job's id has been handed out."""

import asyncio

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.gateway import served
from tests.integration.gateway.served import Served
from tests.support.hand_worker import HandWorker
from tests.support.waiting import wait_until

LONG_WAIT = {"Prefer": "wait=60"}


@pytest.fixture
async def own(client: httpx.AsyncClient, worker: HandWorker) -> httpx.AsyncClient:
    """A caller beside whom nobody waits, and a worker that seems to live."""
    await wait_until(lambda: nobody_waits(client))
    await worker.announce()
    return client


async def begin(
    client: httpx.AsyncClient, redis: Redis, command: str, headers: dict[str, str]
) -> tuple[asyncio.Task[httpx.Response], str]:
    """A call that waits, and the id of its job."""
    headers = {**served.kubeconfig_header(), **headers}
    call = asyncio.create_task(client.post("/tools/kubectl", json={"command": command}, headers=headers))
    await wait_until(lambda: served.waiting(client))
    await wait_until(lambda: served.queued(redis))
    [job_id] = await served.queued(redis)
    return call, job_id


async def close(call: asyncio.Task[httpx.Response]) -> None:
    """Closes its connection."""
    call.cancel()
    await asyncio.wait({call})


def was_abandoned(gateway: Served, job_id: str) -> bool:
    return any('"job abandoned"' in line and job_id in line for line in gateway.process.output().splitlines())


async def nobody_waits(client: httpx.AsyncClient) -> bool:
    return await served.waiting(client) == 0


@pytest.mark.parametrize("headers", [{}, LONG_WAIT], ids=["sync", "wait"])
@pytest.mark.parametrize("command", [served.READ_COMMAND, served.WRITE_COMMAND])
async def test_closing_a_call_cancels_its_queued_job(
    own: httpx.AsyncClient, redis: Redis, command: str, headers: dict[str, str]
) -> None:
    call, job_id = await begin(own, redis, command, headers)
    await close(call)
    await wait_until(lambda: served.has_state(own, job_id, "cancelled"))
    response = (await own.get(f"/jobs/{job_id}")).json()["response"]
    assert response["error"] == "no caller waited for the command any more"
    assert not await served.queued(redis)


async def test_closing_a_call_asks_the_worker_to_end_a_running_read(
    own: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    call, job_id = await begin(own, redis, served.READ_COMMAND, {})
    await worker.claim(job_id)
    await close(call)
    await wait_until(lambda: served.in_record(redis, job_id, "cancel"))


async def test_closing_a_call_lets_a_running_write_go_on(
    own: httpx.AsyncClient, gateway: Served, redis: Redis, worker: HandWorker
) -> None:
    call, job_id = await begin(own, redis, served.WRITE_COMMAND, {})
    claim = await worker.claim(job_id)
    await close(call)
    await wait_until(lambda: was_abandoned(gateway, job_id))
    assert await served.in_record(redis, job_id, "cancel") is None
    await worker.settle(claim, output="deleted")
    job = (await own.get(f"/jobs/{job_id}")).json()
    assert (job["state"], job["response"]["output"]) == ("succeeded", "deleted")


async def test_closing_a_look_at_a_job_cancels_nothing(own: httpx.AsyncClient, redis: Redis) -> None:
    job_id = await served.submitted(own)
    look = asyncio.create_task(own.get(f"/jobs/{job_id}?wait=60"))
    await wait_until(lambda: served.waiting(own))
    await close(look)
    await wait_until(lambda: nobody_waits(own))
    assert await served.queued(redis) == [job_id]


async def test_what_was_accepted_outlives_its_connection(gateway: Served, own: httpx.AsyncClient, redis: Redis) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=served.TIMEOUT_S) as client:
        job_id = await served.submitted(client)
        answer = await client.post("/tools/kubectl", json={"command": served.LOCAL_COMMAND}, headers=served.ASYNC)
    assert await nobody_waits(own)
    assert sorted(await served.queued(redis)) == sorted([job_id, answer.json()["id"]])


async def test_call_that_is_not_closed_gets_its_answer(
    own: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    call, job_id = await begin(own, redis, served.READ_COMMAND, {})
    await worker.finish(job_id, output="pods")
    answer = await call
    body = answer.json()
    assert answer.status_code == 200
    assert {name: body[name] for name in ("success", "output", "error", "exit_code")} == {
        "success": True,
        "output": "pods",
        "error": None,
        "exit_code": 0,
    }
    assert (body["job_id"], body["state"]) == (job_id, "succeeded")


async def test_record_that_vanishes_ends_the_call_with_its_id(
    own: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    """As after a Redis that lost its data: the outcome is unknown, and the caller does not wait for ever."""
    call, job_id = await begin(own, redis, served.READ_COMMAND, {})
    await redis.flushall()
    answer = await call
    assert (answer.status_code, served.code(answer)) == (503, "store-unavailable")
    assert answer.json()["job_id"] == job_id
