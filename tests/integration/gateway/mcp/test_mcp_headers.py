"""Credentials in headers reach the command that they came with, and nothing else."""

import asyncio

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.gateway import served
from tests.integration.gateway.mcp import mcp_caller
from tests.integration.gateway.mcp.mcp_caller import MODES
from tests.integration.gateway.served import Served
from tests.support import kubeconfigs
from tests.support.hand_worker import HandWorker
from tests.support.waiting import wait_until

ARGO_SERVER = "canary-argo.example"
ARGO_TOKEN = "canary-argo-token"
BEARER = "canary-bearer"
CANARIES = (ARGO_SERVER, ARGO_TOKEN, BEARER)
HEADERS = {
    **served.kubeconfig_header(),
    "X-Argocd-Server": ARGO_SERVER,
    "X-Argocd-Auth-Token": ARGO_TOKEN,
    "Authorization": f"Bearer {BEARER}",
}


def leaks(seen: str) -> list[str]:
    return [canary for canary in CANARIES if canary in seen] + kubeconfigs.leaks(seen)


async def stored(redis: Redis) -> str:
    """All that lies in Redis, names and values."""
    seen = []
    async for name in redis.scan_iter():
        seen += [name, await redis.dump(name) or b""]
    return b"\n".join(seen).decode("latin-1")


@pytest.mark.parametrize("mode", MODES)
async def test_credentials_of_headers_reach_their_command_alone(
    gateway: Served, client: httpx.AsyncClient, redis: Redis, *, worker: HandWorker, mode: str
) -> None:
    await worker.announce("argocd", "kubectl")
    seen = []
    async with mcp_caller.connected(gateway.url, mode, HEADERS) as mcp, asyncio.TaskGroup() as group:
        seen += [listed.model_dump_json() for listed in (await mcp.list_tools(), await mcp.list_prompts())]
        call = group.create_task(mcp_caller.called(mcp, "argocd", {"command": "app sync web"}))
        await wait_until(lambda: served.queued(redis))
        [job_id] = await served.queued(redis)
        seen.append(await stored(redis))
        claim = await worker.claim(job_id)
        envelope = worker.request(claim)
        command = envelope.command
        await worker.settle(claim)
        seen.append((await call).model_dump_json())
        seen += [
            (await mcp_caller.called(mcp, name, arguments)).model_dump_json()
            for name, arguments in {
                "get_job": {"job_id": job_id},
                "list_jobs": {},
                "read_output": {"job_id": job_id},
                "cancel_job": {"job_id": job_id},
                "argocd": {"command": "login canary"},
            }.items()
        ]
        seen.append((await mcp.read_resource("policy://effective")).model_dump_json())
    seen += [(await client.get("/metrics")).text, gateway.process.output(), await stored(redis)]

    assert command.credentials == {"ARGOCD_SERVER": ARGO_SERVER, "ARGOCD_AUTH_TOKEN": ARGO_TOKEN}
    assert "canary-token" in (command.kubeconfig or "")
    assert BEARER not in envelope.model_dump_json()
    assert leaks("\n".join(seen)) == []


async def test_tool_without_a_credential_channel_gets_none(gateway: Served, redis: Redis, worker: HandWorker) -> None:
    await worker.announce()
    async with mcp_caller.connected(gateway.url, MODES[0], HEADERS) as mcp, asyncio.TaskGroup() as group:
        call = group.create_task(mcp_caller.called(mcp, "kubectl", {"command": served.READ_COMMAND}))
        await wait_until(lambda: served.queued(redis))
        claim = await worker.claim((await served.queued(redis))[0])
        assert worker.request(claim).command.credentials == {}
        await worker.settle(claim)
        await call
