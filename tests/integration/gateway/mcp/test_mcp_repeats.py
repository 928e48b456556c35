"""A client that timed out and calls again must not install twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import mcp_types as types
import pytest
from redis.asyncio import Redis

from shared.models import JobState
from shared.store import key_names
from tests.integration.gateway import served
from tests.integration.gateway.mcp import mcp_caller
from tests.integration.gateway.mcp.mcp_caller import MODERN, MODES
from tests.integration.gateway.served import Served
from tests.support import kubeconfigs
from tests.support.hand_worker import HandWorker
from tests.support.product import Product
from tests.support.waiting import wait_until

INSTALL = {"command": "install web ./web --wait", "namespace": "shop", "files": {"web/Chart.yaml": "name: web"}}


@pytest.fixture(autouse=True)
async def _worker_seems_to_live(worker: HandWorker) -> None:
    await worker.announce()


async def call(
    url: str,
    arguments: dict[str, Any] = INSTALL,
    *,
    tool: str = "helm",
    mode: str = MODERN,
    headers: dict[str, str] | None = None,
) -> types.CallToolResult:
    async with mcp_caller.connected(url, mode, {**served.kubeconfig_header(), **(headers or {})}) as mcp:
        await mcp.list_tools()
        return await mcp_caller.called(mcp, tool, arguments)


@asynccontextmanager
async def calling(url: str, arguments: dict[str, Any] = INSTALL, **options: Any) -> AsyncIterator[asyncio.Task[Any]]:
    """A call under way, which is given up when the block ends, if it has not ended."""
    task = asyncio.create_task(call(url, arguments, **options))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def next_queued(redis: Redis) -> str:
    await wait_until(lambda: served.queued(redis))
    [job_id] = await served.queued(redis)
    return job_id


async def waiting(client: httpx.AsyncClient, count: int) -> bool:
    return await served.waiting(client) == count


async def undelivered(client: httpx.AsyncClient, url: str, redis: Redis, worker: HandWorker) -> str:
    """A job that ended when nobody waited for it any more: its client had closed the connection."""
    async with calling(url):
        job_id = await next_queued(redis)
        claim = await worker.claim(job_id)
    await wait_until(lambda: waiting(client, 0))
    await worker.settle(claim, output="installed")
    return job_id


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("runs", [False, True], ids=["queued", "running"])
async def test_call_of_the_same_write_joins_it(
    gateway: Served, client: httpx.AsyncClient, redis: Redis, worker: HandWorker, *, mode: str, runs: bool
) -> None:
    async with calling(gateway.url, mode=mode) as first:
        job_id = await next_queued(redis)
        claim = await worker.claim(job_id) if runs else None
        async with calling(gateway.url, mode=mode) as second:
            # The one that joins watches its own id until it has joined, and the other's from then on.
            await wait_until(lambda: _has_waiting(redis, job_id, 2))
            await worker.settle(claim or await worker.claim(job_id))
            answers = [mcp_caller.text(await task) for task in (first, second)]

    assert [answer["job_id"] for answer in answers] == [job_id, job_id]
    assert [answer["success"] for answer in answers] == [True, True]
    assert "joined" in answers[1]["hint"]
    assert answers[0]["hint"] is None
    assert await served.jobs(redis) == [job_id]


async def test_call_that_joins_leaves_its_own_id_which_has_no_job(
    gateway: Served, redis: Redis, worker: HandWorker
) -> None:
    async with calling(gateway.url) as first:
        job_id = await next_queued(redis)
        async with calling(gateway.url) as second:
            await wait_until(lambda: _has_waiting(redis, job_id, 2))
            checked = await _checked(redis, job_id, times=4)
            await worker.finish(job_id)
            await asyncio.gather(first, second)

    after_the_first_check = checked[checked.index(job_id) + 1 :]
    assert set(after_the_first_check) == {job_id}


async def _checked(redis: Redis, job_id: str, *, times: int) -> list[str]:
    """The ids of the jobs that gateways read until they have read this one a few times, by their checks each second."""
    read: list[str] = []
    async with redis.monitor() as monitor:
        while read.count(job_id) < times:
            command = await monitor.next_command()
            name, _, key = command["command"].partition(" ")
            if name == "HGETALL" and command["client_type"] != "lua":
                read.append(key.removeprefix(key_names.JOB))
    return read


async def test_call_on_another_gateway_joins_as_well(
    gateway: Served, product: Product, redis: Redis, worker: HandWorker
) -> None:
    other = await product.gateway()
    async with calling(gateway.url) as first:
        job_id = await next_queued(redis)
        async with calling(other) as second:
            await wait_until(lambda: _has_waiting(redis, job_id, 2))
            await worker.finish(job_id)
            assert [mcp_caller.text(await task)["job_id"] for task in (first, second)] == [job_id, job_id]


async def test_result_that_reached_nobody_is_given_to_the_next_call_once(
    gateway: Served, client: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    job_id = await undelivered(client, gateway.url, redis, worker)

    late = mcp_caller.text(await call(gateway.url))

    assert (late["job_id"], late["output"], late["success"]) == (job_id, "installed", True)
    assert "nothing was run again" in late["hint"]
    async with calling(gateway.url):
        assert await next_queued(redis) != job_id


async def test_failure_that_reached_nobody_is_an_error_that_says_so(
    gateway: Served, client: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    async with calling(gateway.url):
        job_id = await next_queued(redis)
        claim = await worker.claim(job_id)
    await wait_until(lambda: waiting(client, 0))
    await worker.settle(claim, state=JobState.FAILED)

    late = await call(gateway.url)

    assert late.is_error
    assert (mcp_caller.text(late)["job_id"], mcp_caller.text(late)["state"]) == (job_id, "failed")


async def test_command_whose_result_was_seen_runs_again(gateway: Served, redis: Redis, worker: HandWorker) -> None:
    for _ in range(2):
        async with calling(gateway.url) as task:
            await worker.finish(await next_queued(redis))
            assert "joined" not in (mcp_caller.text(await task)["hint"] or "")
    assert len(await served.jobs(redis)) == 2


async def test_queued_write_that_its_client_gave_up_is_begun_anew(
    gateway: Served, client: httpx.AsyncClient, redis: Redis
) -> None:
    async with calling(gateway.url):
        given_up = await next_queued(redis)
    await wait_until(lambda: served.has_state(client, given_up, "cancelled"))
    async with calling(gateway.url):
        assert await next_queued(redis) != given_up


async def test_queued_write_that_was_joined_ends_when_all_have_left(
    gateway: Served, client: httpx.AsyncClient, redis: Redis
) -> None:
    async with calling(gateway.url) as first:
        job_id = await next_queued(redis)
        async with calling(gateway.url):
            await wait_until(lambda: _has_waiting(redis, job_id, 2))
            first.cancel()
            await wait_until(lambda: _is_missed_by(redis, job_id, 1))
            assert await served.queued(redis) == [job_id]
    await wait_until(lambda: served.has_state(client, job_id, "cancelled"))


async def test_result_that_one_of_two_missed_waits_for_its_repetition(
    gateway: Served, redis: Redis, worker: HandWorker
) -> None:
    async with calling(gateway.url) as first:
        job_id = await next_queued(redis)
        claim = await worker.claim(job_id)
        async with calling(gateway.url):
            await wait_until(lambda: _has_waiting(redis, job_id, 2))
        await wait_until(lambda: _is_missed_by(redis, job_id, 1))
        await worker.settle(claim)
        assert mcp_caller.text(await first)["job_id"] == job_id

    assert mcp_caller.text(await call(gateway.url))["job_id"] == job_id
    async with calling(gateway.url):
        assert await next_queued(redis) != job_id


async def test_lent_kubeconfig_is_the_same_one_after_its_token_was_renewed(
    product: Product, redis: Redis, tmp_path: Path
) -> None:
    lent = tmp_path / "kubeconfig"
    lent.write_text(kubeconfigs.text(user={"token": "first-token"}))
    url = await product.gateway(K8S_MCP_DEFAULT_KUBECONFIG_FILE=str(lent))
    key = {"X-Kubeconfig": "", "Idempotency-Key": "install-web-1"}
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client, calling(url, headers=key):
        job_id = await next_queued(redis)
        post = {"tool": "helm", **INSTALL, "namespace": "elsewhere"}
        keyed = (await client.post("/jobs", json=post, headers=key)).json()["id"]
        lent.write_text(kubeconfigs.text(user={"token": "second-token"}))

        async with calling(url, headers=key):
            await wait_until(lambda: _has_waiting(redis, job_id, 2))
        assert (await client.post("/jobs", json=post, headers=key)).json()["id"] == keyed


async def _has_waiting(redis: Redis, job_id: str, count: int) -> bool:
    return await served.in_record(redis, job_id, "waiting") == str(count).encode()


async def _is_missed_by(redis: Redis, job_id: str, count: int) -> bool:
    return await served.in_record(redis, job_id, "missed") == str(count).encode()


@pytest.mark.parametrize("is_asked_for", [True, False], ids=["seen by get_job", "never asked for"])
async def test_handed_over_write_is_delivered_by_get_job_or_by_its_repetition(
    product: Product, redis: Redis, worker: HandWorker, *, is_asked_for: bool
) -> None:
    url = await product.gateway(K8S_MCP_MCP_WAIT="0.1")
    job_id = mcp_caller.text(await call(url))["job_id"]
    joined = mcp_caller.text(await call(url))
    assert (joined["job_id"], joined["state"]) == (job_id, "queued")
    assert "joined" in joined["hint"]
    assert "get_job" in joined["hint"]
    await worker.finish(job_id)
    if is_asked_for:
        await call(url, {"job_id": job_id}, tool="get_job")

    again = mcp_caller.text(await call(url))

    assert (again["job_id"] == job_id, again["state"]) == ((False, "queued") if is_asked_for else (True, "succeeded"))


OTHERS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("helm", {**INSTALL, "namespace": "elsewhere"}, {}),
    ("helm", {**INSTALL, "command": "install web ./web --wait --timeout 9m"}, {}),
    ("helm", {**INSTALL, "files": {"web/Chart.yaml": "name: other"}}, {}),
    ("helm", {**INSTALL, "stdin": "x"}, {}),
    ("kubectl", {**INSTALL, "command": "delete pod web"}, {}),
    ("helm", INSTALL, served.kubeconfig_header(user={"token": "another-token"})),
    ("helm", INSTALL, served.kubeconfig_header(cluster={"server": "https://canary-host.example:6443/other"})),
]


@pytest.mark.parametrize(
    ("tool", "arguments", "headers"),
    OTHERS,
    ids=["namespace", "arguments", "files", "stdin", "tool", "credential", "cluster"],
)
async def test_call_that_differs_joins_nothing(
    gateway: Served,
    redis: Redis,
    *,
    tool: str,
    arguments: dict[str, Any],
    headers: dict[str, str],
) -> None:
    async with calling(gateway.url):
        job_id = await next_queued(redis)
        async with calling(gateway.url, arguments, tool=tool, headers=headers) as other:
            await wait_until(lambda: _ended_or_two_queued(redis, other))
            if other.done():
                assert mcp_caller.code(other.result()) == "release-busy"
            assert await _has_waiting(redis, job_id, 1)


async def _ended_or_two_queued(redis: Redis, task: asyncio.Task[Any]) -> bool:
    return task.done() or len(await served.queued(redis)) == 2


async def test_read_joins_nothing(gateway: Served, redis: Redis) -> None:
    read = {"command": "get pods"}
    async with calling(gateway.url, read, tool="kubectl"), calling(gateway.url, read, tool="kubectl"):
        await wait_until(lambda: _are_queued(redis, 2))


async def test_rest_joins_nothing(gateway: Served, client: httpx.AsyncClient, redis: Redis) -> None:
    """A REST client that retries sends an Idempotency-Key. A request without one is a new command."""
    write = {"tool": "kubectl", "command": served.WRITE_COMMAND}
    for _ in range(2):
        await client.post("/jobs", json=write, headers=served.kubeconfig_header())
    assert len(await served.queued(redis)) == 2


async def _are_queued(redis: Redis, count: int) -> bool:
    return len(await served.queued(redis)) == count


async def test_what_is_remembered_of_a_command_says_nothing_and_ends(gateway: Served, redis: Redis) -> None:
    async with calling(gateway.url):
        await next_queued(redis)
        [name] = [name async for name in redis.scan_iter(f"{key_names.REPEATABLE}*")]
        assert not kubeconfigs.leaks(name.decode())
        assert "web" not in name.decode()
        assert await redis.ttl(name) > 0
