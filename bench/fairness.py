"""Counts how many jobs of a caller with a thousand queued jobs start before another caller's single job."""

import asyncio
import json

import httpx

from bench.clients import kubeconfig_header
from bench.table import Row
from shared.models import Job
from tests.support import stub

JOBS = 1_000
SETTINGS = {"K8S_MCP_QUEUE_LIMIT": str(2 * JOBS), "K8S_MCP_FAST_SLOTS": "8"}
"""For the gateway and the worker that are measured."""
BUDGET = 8
"""The slots: whatever runs when the single job comes may be followed by one job of each slot's next turn."""
SUBMITTERS = 20
TIMEOUT_S = 120.0
COMMAND = {"tool": "stub", "command": "read sleep 0.1"}
WHAT = "1,000 queued jobs of one caller: those that start between another's single job and its start"


async def row(port: int) -> Row:
    """Returns the row. Most of the thousand jobs are still queued afterwards."""
    limits = httpx.Limits(max_connections=SUBMITTERS)
    base = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, limits=limits, timeout=TIMEOUT_S, trust_env=False) as client:
        many = await _submit(client, JOBS, token="first")
        [single] = await _submit(client, 1, token="second")
        job = await _job(client, single, wait_s=60)
        others = [await _job(client, each) for each in many]
    if job.started_at is None:
        return Row(WHAT, f"≤ {BUDGET}", "not started within a minute", False)
    before = sum(each.started_at is not None and job.created_at <= each.started_at <= job.started_at for each in others)
    return Row(WHAT, f"≤ {BUDGET}", str(before), before <= BUDGET)


async def _submit(client: httpx.AsyncClient, count: int, *, token: str) -> list[str]:
    """Submits for a caller with that credential. Returns the ids."""
    kubeconfig = json.loads(stub.KUBECONFIG)
    kubeconfig["users"][0]["user"]["token"] = token
    headers = kubeconfig_header(json.dumps(kubeconfig))

    async def submit(number: int) -> list[str]:
        answers = [await client.post("/jobs", json=COMMAND, headers=headers) for _ in range(number, count, SUBMITTERS)]
        return [Job.model_validate_json(answer.raise_for_status().text).id for answer in answers]

    return [job_id for part in await asyncio.gather(*map(submit, range(SUBMITTERS))) for job_id in part]


async def _job(client: httpx.AsyncClient, job_id: str, *, wait_s: float = 0) -> Job:
    answer = await client.get(f"/jobs/{job_id}", params={"wait": wait_s})
    return Job.model_validate_json(answer.raise_for_status().text)
