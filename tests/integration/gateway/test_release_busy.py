"""If two commands change the same release at a time, the second one is refused with the id of the first."""

import asyncio
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from shared.store import key_names
from tests.integration.gateway import served
from tests.support import kubeconfigs
from tests.support.hand_worker import HandWorker

UPGRADE = "upgrade web ./chart"


async def helm(client: httpx.AsyncClient, command: str = UPGRADE, **changes: Any) -> httpx.Response:
    return await client.post(
        "/jobs", json={"tool": "helm", "command": command}, headers=served.kubeconfig_header(**changes)
    )


async def locks(redis: Redis) -> int:
    return len([name async for name in redis.scan_iter(f"{key_names.EXCLUSIVE}*")])


@pytest.mark.parametrize("runs", [False, True], ids=["queued", "running"])
@pytest.mark.parametrize(
    "command",
    [UPGRADE, "-n default rollback web 3", "del other web", "install web ./chart --namespace=default", "test web"],
)
async def test_second_change_of_a_release_is_refused(
    client: httpx.AsyncClient, worker: HandWorker, command: str, runs: bool
) -> None:
    job_id = (await helm(client, f"{UPGRADE} -n default")).json()["id"]
    if runs:
        await worker.claim(job_id)

    answer = await helm(client, command if "default" in command else f"{command} -n default")

    assert (answer.status_code, served.code(answer), answer.json()["job_id"]) == (409, "release-busy", job_id)
    assert job_id in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "command",
    [
        "status web",
        "history web",
        "upgrade other ./chart",
        "upgrade web ./chart -n elsewhere",
        "upgrade web ./chart --dry-run=server",
        "install ./chart --generate-name",
        "template web ./chart",
    ],
)
async def test_what_changes_nothing_of_it_is_queued(client: httpx.AsyncClient, command: str) -> None:
    await helm(client)

    assert (await helm(client, command)).status_code == 202


async def test_same_release_of_another_cluster_is_queued(client: httpx.AsyncClient) -> None:
    await helm(client)

    assert (await helm(client, cluster={"server": "https://canary-host.example:6443/other"})).status_code == 202


async def test_other_credentials_for_the_same_cluster_are_refused_without_the_jobs_id(
    client: httpx.AsyncClient,
) -> None:
    """A job's id is the capability to read and to end it, and who knows a cluster's address may know no more."""
    job_id = (await helm(client)).json()["id"]

    answer = await helm(client, user={"token": "another-token"})

    assert (answer.status_code, served.code(answer)) == (409, "release-busy")
    assert job_id not in answer.text


async def test_release_is_free_when_its_job_has_ended(
    client: httpx.AsyncClient, worker: HandWorker, redis: Redis
) -> None:
    first = (await helm(client)).json()["id"]
    await worker.finish(first)
    assert await locks(redis) == 0
    second = (await helm(client)).json()["id"]
    await client.delete(f"/jobs/{second}")
    assert await locks(redis) == 0

    assert (await helm(client)).status_code == 202


async def test_release_of_a_job_that_redis_lost_is_free(client: httpx.AsyncClient, redis: Redis) -> None:
    await redis.delete(key_names.JOB + (await helm(client)).json()["id"])

    assert (await helm(client)).status_code == 202


async def test_of_many_at_once_one_is_queued(client: httpx.AsyncClient, redis: Redis) -> None:
    answers = await asyncio.gather(*(helm(client) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [202, *[409] * 9]
    assert len(await served.queued(redis)) == 1


async def test_lock_says_nothing_and_ends(client: httpx.AsyncClient, redis: Redis) -> None:
    await helm(client)

    [name] = [name async for name in redis.scan_iter(f"{key_names.EXCLUSIVE}*")]
    assert not kubeconfigs.leaks(name.decode())
    assert "web" not in name.decode()
    assert await redis.ttl(name) > 0
