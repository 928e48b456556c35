"""Ids whose job is gone, and ids that never were one."""

import httpx
import pytest
from redis.asyncio import Redis

from shared.sealing import job_ids
from shared.sealing.fernet_keys import MasterKeys
from shared.store import key_names
from tests.integration.gateway import served
from tests.support.hand_worker import HandWorker

ASKING = [("GET", ""), ("GET", "?wait=5"), ("GET", "/events"), ("GET", "/output"), ("GET", "/changes"), ("DELETE", "")]


@pytest.mark.parametrize(("method", "path"), ASKING)
async def test_issued_id_whose_record_is_gone_is_410(
    client: httpx.AsyncClient, worker: HandWorker, redis: Redis, method: str, path: str
) -> None:
    job_id = await served.submitted(client)
    created_at = (await client.get(f"/jobs/{job_id}")).json()["created_at"]
    await worker.finish(job_id)
    await redis.delete(key_names.JOB + job_id)

    answer = await client.request(method, f"/jobs/{job_id}{path}")

    assert (answer.status_code, served.code(answer)) == (410, "job-gone")
    assert created_at[:16] in answer.json()["detail"]


async def test_gone_job_is_looked_for_once_without_sentinel(client: httpx.AsyncClient, redis: Redis) -> None:
    job_id = await served.submitted(client)
    await redis.delete(key_names.JOB + job_id)

    async with redis.monitor() as monitor:
        assert (await client.get(f"/jobs/{job_id}")).status_code == 410
        await redis.echo("end")
        commands: list[str] = []
        while not (commands and commands[-1].startswith("ECHO")):
            commands.append((await monitor.next_command())["command"])

    assert commands.count(f"HGETALL {key_names.JOB}{job_id}") == 1


@pytest.mark.parametrize(("method", "path"), ASKING)
async def test_made_up_id_is_404(client: httpx.AsyncClient, method: str, path: str) -> None:
    made_up = job_ids.new(MasterKeys([MasterKeys.generate()]))

    answer = await client.request(method, f"/jobs/{made_up}{path}")

    assert (answer.status_code, served.code(answer)) == (404, "job-unknown")


async def test_job_of_an_idempotency_key_is_known_to_be_gone_too(client: httpx.AsyncClient, redis: Redis) -> None:
    body = {"tool": "kubectl", "command": served.LOCAL_COMMAND}
    job_id = (await client.post("/jobs", json=body, headers={"Idempotency-Key": "one"})).json()["id"]
    await redis.delete(key_names.JOB + job_id)

    assert (await client.get(f"/jobs/{job_id}")).status_code == 410
