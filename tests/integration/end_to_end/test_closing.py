"""Ending a request ends the wait: what that does to the job depends on what it is, and on who asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.models import JobId, JobState, Lane
from shared.store import key_names
from shared.store.job_store import JobStore
from tests.integration.end_to_end.system import System, running_jobs
from tests.support.api_server import ApiServer, Stall
from tests.support.caller import Caller
from tests.support.mcp_caller import LEGACY, MODERN, mcp_client
from tests.support.product import Process, Product
from tests.support.waiting import wait_until

Send = Callable[[str], Awaitable[object]]
"""Sends a kubectl command and waits for its end."""
ABANDONED = "no caller waited for the command any more"


@pytest.fixture
def senders(system: System, caller: Caller) -> dict[str, Send]:
    async def by_mcp(command: str, *, mode: str) -> None:
        async with mcp_client(system.url, kubeconfig=caller.kubeconfig, mode=mode) as client:
            await client.call_tool("kubectl", {"command": command})

    return {
        "REST": partial(caller.run, "kubectl"),
        "MCP 2026-07-28": partial(by_mcp, mode=MODERN),
        "MCP legacy": partial(by_mcp, mode=LEGACY),
    }


@pytest.fixture
async def stall(api_server: ApiServer) -> AsyncIterator[Stall]:
    stall = api_server.stall()
    yield stall
    await stall.release()


def read_of(stall: Stall, _: str) -> str:
    return f"get --raw {stall.raw_path}"


def write_of(stall: Stall, name: str) -> str:
    return f"create configmap {name} -n {stall.namespace}"


async def close(sending: "asyncio.Future[Any]", gateway: Process) -> None:
    """Ends the client's side, and waits until the gateway has noticed."""
    ended_before = requests_ended(gateway)
    sending.cancel()
    await asyncio.wait({sending})
    await wait_until(lambda: requests_ended(gateway) > ended_before)


def requests_ended(gateway: Process) -> int:
    return gateway.output().count('"request finished"')


@pytest.mark.parametrize("sender", ["REST", "MCP 2026-07-28"])
async def test_closed_read_is_cancelled(
    sender: str, senders: dict[str, Send], system: System, caller: Caller, system_redis: Redis, stall: Stall
) -> None:
    sending = asyncio.ensure_future(senders[sender](read_of(stall, "")))
    await stall.reached()
    [job_id] = await running_jobs(system_redis)

    await close(sending, system.gateways[0].process)
    response = await caller.ended(job_id)

    assert (response.state, response.error) == (JobState.CANCELLED, ABANDONED)
    await stall.abandoned()


@pytest.mark.parametrize(
    ("sender", "command_of"),
    [("REST", write_of), ("MCP 2026-07-28", write_of), ("MCP legacy", write_of), ("MCP legacy", read_of)],
    ids=["REST write", "MCP 2026-07-28 write", "MCP legacy write", "MCP legacy read"],
)
async def test_closed_command_goes_on_to_its_end(
    *,
    sender: str,
    command_of: Callable[[Stall, str], str],
    senders: dict[str, Send],
    system: System,
    caller: Caller,
    system_redis: Redis,
    stall: Stall,
    name: str,
) -> None:
    sending = asyncio.ensure_future(senders[sender](command_of(stall, name)))
    await stall.reached()
    [job_id] = await running_jobs(system_redis)

    await close(sending, system.gateways[0].process)
    [stored] = await JobStore(system_redis).read([JobId(job_id)])
    await stall.release()

    assert stored is not None
    assert stored.record.cancel_reason is None
    assert (await caller.ended(job_id)).state is JobState.SUCCEEDED


async def test_closed_write_that_is_still_queued_is_cancelled(
    hasty_system: System, hasty_caller: Caller, hasty_product: Product, name: str
) -> None:
    await hasty_product.worker(K8S_MCP_SLOW_SLOTS="1")
    running = await hasty_caller.running("stub", f"write hang {name}")
    async with Redis.from_url(hasty_system.product.redis_url) as redis:
        sending = asyncio.ensure_future(hasty_caller.run("stub", "write ok"))
        await wait_until(lambda: redis.zcard(key_names.QUEUED + Lane.SLOW))
        [queued] = await redis.zrange(key_names.QUEUED + Lane.SLOW, 0, -1)

    await close(sending, hasty_system.gateways[0].process)
    response = await hasty_caller.ended(queued.decode())
    await hasty_caller.cancel(running)

    assert (response.state, response.error) == (JobState.CANCELLED, ABANDONED)


async def test_closed_poll_cancels_nothing(system: System, caller: Caller, stall: Stall) -> None:
    job_id = await caller.submit("kubectl", read_of(stall, ""))
    await stall.reached()
    polling = asyncio.ensure_future(caller.job(job_id, wait_s=30))
    await wait_until(lambda: _is_waiting(caller))

    await close(polling, system.gateways[0].process)
    await stall.release()

    assert (await caller.ended(job_id)).state is JobState.SUCCEEDED


async def _is_waiting(caller: Caller) -> bool:
    return "mcp_k8s_waiting_requests 1.0" in (await caller.http.get("/metrics")).text
