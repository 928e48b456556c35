"""What a command waits for, as pollers, followers and MCP clients of a real gateway learn it."""

import asyncio
from dataclasses import dataclass, field

import httpx
import pytest
from redis.asyncio import Redis

from shared.events import EventKind
from shared.models import JobState
from shared.store.attempts import Claim
from tests.integration.gateway import served
from tests.integration.gateway.mcp import mcp_caller
from tests.integration.gateway.mcp.mcp_caller import MODES
from tests.integration.gateway.served import Served
from tests.support.events import following
from tests.support.hand_worker import HandWorker
from tests.support.product import Product
from tests.support.waiting import wait_until

SEEN = "9/12 ready; web: ImagePullBackOff"
EARLIER = (EventKind.PROGRESS, b"8/12 ready")
NEWEST = (EventKind.PROGRESS, SEEN.encode())
PRINTED = (EventKind.STDOUT, b"one\ntwo\nunfinished")
WAITING_COMMAND = "rollout status deploy/web"


@dataclass
class Notifications:
    """What a client is told while its call waits."""

    counts: list[float] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    async def take(self, progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        self.counts.append(progress)
        self.messages.append(message or "")

    def have(self, text: str) -> bool:
        return any(text in message for message in self.messages)


@pytest.fixture
async def claim(client: httpx.AsyncClient, worker: HandWorker) -> Claim:
    """A running job."""
    await worker.announce()
    return await worker.claim(await served.submitted(client, WAITING_COMMAND))


@pytest.mark.parametrize("output", [(NEWEST,), (EARLIER, NEWEST, PRINTED), (PRINTED, EARLIER, PRINTED, NEWEST)])
async def test_job_shows_the_newest_progress(
    client: httpx.AsyncClient, worker: HandWorker, claim: Claim, output: tuple[tuple[EventKind, bytes], ...]
) -> None:
    await worker.write(claim, *output)
    job = (await client.get(f"/jobs/{claim.record.id}")).json()
    assert (job["state"], job["progress"]) == ("running", SEEN)


async def test_job_that_nothing_was_seen_of_shows_none(
    client: httpx.AsyncClient, worker: HandWorker, claim: Claim
) -> None:
    assert (await client.get(f"/jobs/{claim.record.id}")).json()["progress"] is None
    await worker.write(claim, PRINTED)
    assert (await client.get(f"/jobs/{claim.record.id}")).json()["progress"] is None


async def test_failed_job_says_what_it_waited_for_last(
    client: httpx.AsyncClient, worker: HandWorker, claim: Claim
) -> None:
    await worker.write(claim, NEWEST)
    await worker.settle(claim, state=JobState.TIMED_OUT)
    job = (await client.get(f"/jobs/{claim.record.id}")).json()
    assert job["progress"] == SEEN
    assert "longer `timeout`" in job["response"]["hint"]
    assert job["response"]["hint"].endswith(f"Last seen: {SEEN}.")


async def test_job_that_succeeded_waits_for_nothing_any_more(
    client: httpx.AsyncClient, worker: HandWorker, claim: Claim
) -> None:
    await worker.write(claim, NEWEST)
    await worker.settle(claim)
    job = (await client.get(f"/jobs/{claim.record.id}")).json()
    assert (job["progress"], job["response"]["hint"]) == (None, None)


async def test_progress_is_an_event_and_no_output(client: httpx.AsyncClient, worker: HandWorker, claim: Claim) -> None:
    job_id = claim.record.id
    await worker.write(claim, NEWEST)
    async with following(client, job_id) as events:
        async for event in events:
            if event.name == "progress":
                assert event.data["text"] == SEEN
                break
    for stream in ("stdout", "stderr"):
        assert (await client.get(f"/jobs/{job_id}/output", params={"stream": stream})).content == b""


@pytest.mark.parametrize("mode", MODES)
async def test_call_reports_lines_as_they_come_and_what_is_waited_for(
    gateway: Served, redis: Redis, worker: HandWorker, mode: str
) -> None:
    await worker.announce()
    told = Notifications()
    async with (
        mcp_caller.connected(gateway.url, mode, served.kubeconfig_header()) as mcp,
        asyncio.TaskGroup() as group,
    ):
        call = group.create_task(
            mcp.call_tool("kubectl", {"command": WAITING_COMMAND}, progress_callback=told.take), name="call"
        )
        await wait_until(lambda: served.queued(redis))
        claim = await worker.claim((await served.queued(redis))[0])
        await worker.write(claim, PRINTED, NEWEST)
        await wait_until(lambda: told.have(SEEN), timeout_s=20)
        await worker.settle(claim)
        await call
    assert told.have("one\ntwo")
    assert not told.have("unfinished")
    assert told.counts == sorted(set(told.counts))


async def test_waiting_for_a_job_reports_what_is_new(gateway: Served, worker: HandWorker, claim: Claim) -> None:
    await worker.write(claim, PRINTED, NEWEST)
    told = Notifications()
    async with mcp_caller.connected(gateway.url, "auto") as mcp, asyncio.TaskGroup() as group:
        arguments = {"job_id": claim.record.id, "wait": 30}
        call = group.create_task(mcp.call_tool("get_job", arguments, progress_callback=told.take), name="call")
        await wait_until(lambda: told.have(SEEN), timeout_s=20)
        await worker.settle(claim)
        await call
    assert not told.have("one")


async def test_call_that_is_handed_over_says_what_its_command_waits_for(
    product: Product, worker: HandWorker, redis: Redis
) -> None:
    await worker.announce()
    url = await product.gateway(K8S_MCP_MCP_WAIT="2")
    async with (
        mcp_caller.connected(url, "auto", served.kubeconfig_header()) as mcp,
        asyncio.TaskGroup() as group,
    ):
        call = group.create_task(mcp_caller.called(mcp, "kubectl", {"command": WAITING_COMMAND}), name="call")
        await wait_until(lambda: served.queued(redis))
        claim = await worker.claim((await served.queued(redis))[0])
        await worker.write(claim, NEWEST)
        result = mcp_caller.text(await call)
        await worker.settle(claim)
    assert result["hint"].startswith(f"Still running; {SEEN}. Do not send the command again")
