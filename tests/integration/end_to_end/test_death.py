"""Processes of the product die while a command runs: its job ends all the same, and so does the command."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.models import CommandResponse, JobId, JobState
from shared.store.job_store import JobStore
from tests.integration.end_to_end.system import System, command_lines, has_printed, needs_proc, processes_with
from tests.support.api_server import ApiServer
from tests.support.caller import Caller, caller_of
from tests.support.product import START_TIMEOUT_S, Product, is_serving
from tests.support.waiting import wait_until
from worker.output import door_death

SETTLE_TIMEOUT_S = 60.0
"""Lease and sweep take 10 s, and as long again may a gateway that has just started watch Redis first."""


@pytest.fixture
async def redis(hasty_system: System) -> AsyncIterator[Redis]:
    async with Redis.from_url(hasty_system.product.redis_url) as client:
        yield client


async def started(caller: Caller, redis: Redis, command: str) -> str:
    job_id = await caller.submit("stub", command)
    await wait_until(lambda: has_printed(redis, job_id), timeout_s=60)
    return job_id


async def is_attempt(redis: Redis, job_id: str, attempt: int) -> bool:
    [stored] = await JobStore(redis).read([JobId(job_id)])
    return stored is not None and (stored.record.state, stored.record.attempt) == (JobState.RUNNING, attempt)


async def is_queued(caller: Caller, job_id: str) -> bool:
    return (await caller.job(job_id)).state is JobState.QUEUED


def work_directories(parent: Path) -> list[Path]:
    return list(parent.glob("mcp-k8s-*"))


def assert_lost(response: CommandResponse, reason: str) -> None:
    assert (response.state, response.success, response.exit_code) == (JobState.LOST, False, -1)
    assert response.output == "started\n", "what was streamed so far"
    assert response.error == reason


@needs_proc
async def test_job_of_a_killed_worker_is_lost_and_its_command_gone(
    hasty_caller: Caller, hasty_product: Product, redis: Redis, name: str
) -> None:
    worker = await hasty_product.worker()
    write = await started(hasty_caller, redis, f"write ignore-term {name}")
    launcher = worker.helper("launcher")

    worker.kill()

    await wait_until(lambda: not processes_with(name))
    await wait_until(lambda: not command_lines().get(launcher))
    response = await hasty_caller.ended(write, wait_s=SETTLE_TIMEOUT_S)
    assert_lost(response, "contact with the worker was lost")
    assert response.hint == "It had sent no change to the cluster: send it again."
    assert not work_directories(hasty_product.directory), "the launcher removes what the worker left"


@needs_proc
async def test_read_of_a_killed_worker_runs_once_more_on_another_and_then_is_lost(
    hasty_caller: Caller, hasty_product: Product, redis: Redis, name: str
) -> None:
    worker = await hasty_product.worker()
    read = await started(hasty_caller, redis, f"read hang {name}")
    other = await hasty_product.worker()
    worker.kill()

    await wait_until(lambda: is_attempt(redis, read, 2), timeout_s=SETTLE_TIMEOUT_S)
    await wait_until(lambda: has_printed(redis, read), timeout_s=60)
    other.kill()

    response = await hasty_caller.ended(read, wait_s=SETTLE_TIMEOUT_S)
    assert_lost(response, "contact with the worker was lost")
    assert response.hint == "The command changes nothing: send it again."


async def test_read_of_a_worker_that_stood_still_runs_once_more_on_it(
    hasty_caller: Caller, hasty_product: Product, redis: Redis, name: str
) -> None:
    worker = await hasty_product.worker()
    read = await started(hasty_caller, redis, f"read hang {name}")

    worker.signal(signal.SIGSTOP)
    await wait_until(lambda: is_queued(hasty_caller, read), timeout_s=SETTLE_TIMEOUT_S)
    worker.signal(signal.SIGCONT)

    await wait_until(lambda: is_attempt(redis, read, 2), timeout_s=SETTLE_TIMEOUT_S)
    await wait_until(lambda: len(processes_with(name)) == 1, timeout_s=60)
    await hasty_caller.cancel(read)
    assert (await hasty_caller.ended(read)).state is JobState.CANCELLED


@needs_proc
async def test_job_is_lost_when_the_launcher_dies_and_the_worker_ends(
    hasty_caller: Caller, hasty_product: Product, redis: Redis, name: str
) -> None:
    worker = await hasty_product.worker()
    job_id = await started(hasty_caller, redis, f"write ignore-term {name}")

    os.kill(worker.helper("launcher"), signal.SIGKILL)
    response = await hasty_caller.ended(job_id, wait_s=SETTLE_TIMEOUT_S)

    assert_lost(response, "the process that starts commands died")
    await wait_until(lambda: not processes_with(name))
    await wait_until(lambda: not worker.is_running)
    assert worker.stop() == 1


@needs_proc
@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("create configmap {name} --from-literal=a=b -n {namespace}", door_death.CHANGES_LEFT),
        ("get configmaps -n {namespace}", door_death.NO_CHANGE_SENT),
    ],
    ids=["change", "read"],
)
async def test_death_of_the_door_is_told_to_callers_and_operators(
    hasty_caller: Caller, hasty_product: Product, api_server: ApiServer, name: str, command: str, hint: str
) -> None:
    worker = await hasty_product.worker()
    stall = api_server.stall()
    job_id = await hasty_caller.submit("kubectl", command.format(name=name, namespace=stall.namespace))
    await stall.reached()

    os.kill(worker.helper("door"), signal.SIGKILL)
    response = await hasty_caller.ended(job_id, wait_s=SETTLE_TIMEOUT_S)
    await wait_until(lambda: not worker.is_running)
    body = {"command": "version --client"}
    refused = await hasty_caller.http.post("/tools/kubectl", json=body)

    assert response.state is JobState.FAILED
    assert f"{response.error}".endswith(door_death.ENDED)
    assert response.hint == hint
    [line] = [line for line in worker.output().splitlines() if '"level": "error"' in line]
    assert '"helper": "door", "ended": "was ended by signal 9 (SIGKILL)"' in line
    assert worker.output().splitlines()[-1].startswith("the worker's door, the process through which")
    assert worker.stop() == 1
    assert "may be restarting" in refused.json()["detail"]


async def test_job_of_a_worker_that_stood_still_for_too_long_is_not_finished_by_it(
    hasty_caller: Caller, hasty_product: Product, redis: Redis, name: str
) -> None:
    worker = await hasty_product.worker()
    job_id = await started(hasty_caller, redis, f"write hang {name}")

    worker.signal(signal.SIGSTOP)
    lost = await hasty_caller.ended(job_id, wait_s=SETTLE_TIMEOUT_S)
    worker.signal(signal.SIGCONT)

    assert_lost(lost, "contact with the worker was lost")
    await wait_until(lambda: not processes_with(name), timeout_s=60)
    assert await hasty_caller.ended(job_id) == lost
    assert await hasty_caller.output("stub", "read ok") == "ok\n", "the worker goes on"


async def test_killed_gateway_takes_no_job_with_it(hasty_caller: Caller, hasty_product: Product, name: str) -> None:
    await hasty_product.worker()
    url, gateway = hasty_product.start_gateway()
    await wait_until(lambda: is_serving(url, gateway), timeout_s=START_TIMEOUT_S)
    async with caller_of(url, hasty_caller.kubeconfig) as caller:
        job_id = await caller.running("stub", f"write hang {name}")

    gateway.kill()

    assert (await hasty_caller.job(job_id)).state is JobState.RUNNING
    await hasty_caller.cancel(job_id)
    assert (await hasty_caller.ended(job_id)).state is JobState.CANCELLED
