"""MCP calls that outlast something: their connection, the wait, the gateway, Redis; and two gateways as one."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from shared.redis import redis_connection
from tests.integration.gateway import served
from tests.integration.gateway.mcp import mcp_caller
from tests.integration.gateway.mcp.mcp_caller import MODERN, MODES
from tests.integration.gateway.served import Served
from tests.support.hand_worker import HandWorker
from tests.support.product import Product
from tests.support.round_robin import one_address
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

SHORT_WAIT_S = "0.2"
END_TIMEOUT_S = 60.0


async def call_once(url: str, mode: str, command: str) -> Any:
    """The tools are listed first, as models' clients do: otherwise this client lists them when the result is there."""
    async with mcp_caller.connected(url, mode, served.kubeconfig_header()) as mcp:
        await mcp.list_tools()
        return await mcp_caller.called(mcp, "kubectl", {"command": command})


async def begin(url: str, mode: str, redis: Redis) -> tuple[asyncio.Task[Any], str]:
    """A call that waits, and the id of its job."""
    call = asyncio.create_task(call_once(url, mode, served.WRITE_COMMAND))
    await wait_until(lambda: served.queued(redis))
    [job_id] = await served.queued(redis)
    return call, job_id


async def nobody_waits(client: httpx.AsyncClient) -> bool:
    return await served.waiting(client) == 0


@pytest.mark.parametrize("mode", ["auto", MODERN])
async def test_closing_the_connection_cancels_a_queued_job(
    gateway: Served, client: httpx.AsyncClient, redis: Redis, worker: HandWorker, *, mode: str
) -> None:
    """Since revision 2026-07-28, which `auto` finds."""
    await worker.announce()
    call, job_id = await begin(gateway.url, mode, redis)
    call.cancel()
    await asyncio.wait({call})
    await wait_until(lambda: served.has_state(client, job_id, "cancelled"))


async def test_closing_the_connection_of_an_earlier_revision_cancels_nothing(
    product: Product, redis: Redis, worker: HandWorker
) -> None:
    url = await product.gateway(K8S_MCP_MCP_WAIT="1")
    await worker.announce()
    call, job_id = await begin(url, "legacy", redis)
    call.cancel()
    await asyncio.wait({call})
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
        await wait_until(lambda: nobody_waits(client))
        assert (await client.get(f"/jobs/{job_id}")).json()["state"] == "queued"
        await worker.finish(job_id)
        assert (await client.get(f"/jobs/{job_id}")).json()["state"] == "succeeded"


@pytest.mark.parametrize("mode", MODES)
async def test_sigterm_hands_the_job_over(product: Product, redis: Redis, worker: HandWorker, mode: str) -> None:
    url = await product.gateway(K8S_MCP_GATEWAY_DRAIN_TIMEOUT_S="300")
    await worker.announce()
    call, job_id = await begin(url, mode, redis)
    product.processes[-1].signal(signal.SIGTERM)
    result = mcp_caller.text(await call)
    assert (result["job_id"], result["state"]) == (job_id, "queued")
    await wait_until(lambda: not product.processes[-1].is_running, timeout_s=END_TIMEOUT_S)
    assert await served.queued(redis) == [job_id]


async def test_sigterm_hands_the_job_over_while_redis_stands_still(
    own_valkey: Valkey, tmp_path: Path, master_key: str
) -> None:
    """The answer takes as long as Redis is waited for, and its stream stays open until then."""
    with Product(own_valkey.url, tmp_path, entry="gateway.main", master_key=master_key) as product:
        url = await product.gateway(K8S_MCP_GATEWAY_DRAIN_TIMEOUT_S="300")
        redis = redis_connection.gateway_client(own_valkey.address)
        await HandWorker(redis, master_key).announce()
        call, job_id = await begin(url, "legacy", redis)
        await redis.aclose()
        own_valkey.pause()
        try:
            product.processes[-1].signal(signal.SIGTERM)
            assert mcp_caller.text(await call)["job_id"] == job_id
        finally:
            own_valkey.resume()
        await wait_until(lambda: not product.processes[-1].is_running, timeout_s=END_TIMEOUT_S)


@pytest.fixture
async def two_gateways(product: Product, worker: HandWorker) -> tuple[str, str]:
    urls = await asyncio.gather(*(product.gateway(K8S_MCP_MCP_WAIT=SHORT_WAIT_S) for _ in range(2)))
    await worker.announce()
    return urls[0], urls[1]


@pytest.mark.parametrize("mode", MODES)
async def test_job_that_outlasts_the_wait_is_handed_over(
    two_gateways: tuple[str, str], worker: HandWorker, mode: str
) -> None:
    """And any gateway knows it: what one handed over, the other one is asked for."""
    first, second = two_gateways
    async with mcp_caller.connected(first, mode, served.kubeconfig_header()) as mcp:
        handed_over = await mcp_caller.called(mcp, "kubectl", {"command": served.WRITE_COMMAND})
    result = mcp_caller.text(handed_over)
    job_id = result["job_id"]
    assert not handed_over.is_error
    assert (result["state"], result["success"], result["exit_code"]) == ("queued", False, -1)
    assert "get_job" in result["hint"]
    assert job_id in result["hint"]
    async with mcp_caller.connected(second, mode) as mcp:
        assert mcp_caller.text(await mcp_caller.called(mcp, "get_job", {"job_id": job_id}))["state"] == "queued"
        asked = asyncio.create_task(mcp_caller.called(mcp, "get_job", {"job_id": job_id, "wait": 30}))
        await worker.finish(job_id, output="deleted")
        ended = await asked
    assert not ended.is_error
    assert (mcp_caller.text(ended)["state"], mcp_caller.text(ended)["output"]) == ("succeeded", "deleted")


@pytest.mark.parametrize("mode", MODES)
async def test_job_that_was_handed_over_is_cancelled_through_another_gateway(
    two_gateways: tuple[str, str], mode: str
) -> None:
    first, second = two_gateways
    job_id = mcp_caller.text(await call_once(first, mode, served.WRITE_COMMAND))["job_id"]
    async with mcp_caller.connected(second, mode) as mcp:
        cancelled = await mcp_caller.called(mcp, "cancel_job", {"job_id": job_id})
        again = await mcp_caller.called(mcp, "cancel_job", {"job_id": job_id})
    assert (mcp_caller.text(cancelled)["state"], cancelled.is_error) == ("cancelled", True)
    assert mcp_caller.text(again) == mcp_caller.text(cancelled)


@pytest.mark.parametrize("mode", MODES)
async def test_two_gateways_work_behind_one_address(two_gateways: tuple[str, str], mode: str) -> None:
    """Each call of a client may reach another process than the one before."""
    async with one_address(two_gateways) as url:
        job_ids = []
        for _ in range(4):
            async with mcp_caller.connected(url, mode, served.kubeconfig_header()) as mcp:
                tools = await mcp.list_tools()
                calls = [mcp_caller.called(mcp, "kubectl", {"command": "get pods"}) for _ in range(2)]
                job_ids += [mcp_caller.text(result)["job_id"] for result in await asyncio.gather(*calls)]
                looks = [mcp_caller.called(mcp, "get_job", {"job_id": job_id}) for job_id in job_ids]
                assert {mcp_caller.text(look)["state"] for look in await asyncio.gather(*looks)} == {"queued"}
            assert tools.tools[0].name == "kubectl"
    assert len(set(job_ids)) == 8
    assert all([await _has_served(url) for url in two_gateways])


async def _has_served(url: str) -> bool:
    async with httpx.AsyncClient(base_url=url) as client:
        return 'route="/mcp",status="200"' in (await client.get("/metrics")).text


@pytest.mark.parametrize("mode", MODES)
async def test_redis_that_is_gone_is_a_result(own_valkey: Valkey, tmp_path: Path, master_key: str, mode: str) -> None:
    with Product(own_valkey.url, tmp_path, entry="gateway.main", master_key=master_key) as product:
        url = await product.gateway()
        async with mcp_caller.connected(url, mode, served.kubeconfig_header()) as mcp:
            own_valkey.kill()
            for tool, arguments in (("kubectl", {"command": "get pods"}), ("get_job", {"job_id": "0" * 48})):
                result = await mcp_caller.called(mcp, tool, arguments)
                assert mcp_caller.code(result) == "store-unavailable"
