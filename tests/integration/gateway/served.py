"""What tests of a served gateway share: how to look at its answers, its queue and its log."""

from dataclasses import dataclass
from typing import Any

import httpx
from redis.asyncio import Redis

from shared.models import Lane
from shared.store import key_names
from tests.support import kubeconfigs
from tests.support.product import Process

TIMEOUT_S = 30.0
"""No test waits for so long: it turns a hang into a failure that names its request."""
LOCAL_COMMAND = "version --client"
"""Needs no cluster, and so no kubeconfig."""
READ_COMMAND = "get pods"
WRITE_COMMAND = "delete pod web"
PROBLEM = "application/problem+json"
ASYNC = {"Prefer": "respond-async"}


@dataclass(frozen=True)
class Served:
    """A gateway process and where it answers."""

    url: str
    process: Process


def kubeconfig_header(**changes: Any) -> dict[str, str]:
    return {"X-Kubeconfig": kubeconfigs.encoded(**changes)}


def code(answer: httpx.Response) -> str:
    """The problem's slug."""
    assert answer.headers["Content-Type"] == PROBLEM, answer.text
    kind: str = answer.json()["type"]
    return kind.removeprefix("urn:mcp-k8s:problem:")


async def jobs(redis: Redis) -> list[str]:
    """The ids of all jobs that there are, in any state."""
    return [name.decode().removeprefix(key_names.JOB) async for name in redis.scan_iter(f"{key_names.JOB}*")]


async def queued(redis: Redis) -> list[str]:
    """The ids of all queued jobs."""
    return [job_id.decode() for job_id in await redis.zunion([key_names.QUEUED + lane for lane in Lane])]


async def in_record(redis: Redis, job_id: str, name: str) -> bytes | None:
    """A field of the job's record."""
    async with redis.pipeline() as pipe:
        pipe.hget(key_names.JOB + job_id, name)
        [value] = await pipe.execute()
    return None if value is None else bytes(value)


async def change_record(redis: Redis, job_id: str, **fields: str) -> None:
    """Writes to the record as no part of the product would: without a notice."""
    async with redis.pipeline() as pipe:
        for name, value in fields.items():
            pipe.hset(key_names.JOB + job_id, name, value)
        await pipe.execute()


async def is_untouched(redis: Redis) -> bool:
    """Whether there is no job, no queue and no sealed request."""
    kept = [name async for name in redis.scan_iter(f"{key_names.PREFIX}*")]
    others = (key_names.WORKER.encode(), key_names.WORKERS.encode(), key_names.KEY_MARK.encode())
    return not [name for name in kept if not name.startswith(others)]


async def has_state(client: httpx.AsyncClient, job_id: str, state: str) -> bool:
    answer = await client.get(f"/jobs/{job_id}")
    return answer.status_code == httpx.codes.OK and answer.json()["state"] == state


async def waiting(client: httpx.AsyncClient) -> int:
    """Requests that wait on this gateway for the end of a job."""
    text = (await client.get("/metrics")).text
    [line] = [line for line in text.splitlines() if line.startswith("mcp_k8s_waiting_requests ")]
    return int(float(line.split()[1]))


async def submitted(client: httpx.AsyncClient, command: str = LOCAL_COMMAND) -> str:
    """A queued job's id."""
    answer = await client.post("/jobs", json={"tool": "kubectl", "command": command}, headers=kubeconfig_header())
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    job_id: str = answer.json()["id"]
    return job_id
