"""Every state that a job can end in, but for those that take the death of a process (`test_death`)."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.models import CommandResponse, JobState
from tests.integration.end_to_end.system import has_printed, needs_proc, processes_with
from tests.support import stub
from tests.support.caller import Caller, caller_of
from tests.support.product import Product
from tests.support.waiting import wait_until

LIMITS_S = (0.5, 2, 10)


async def test_job_is_queued_until_a_worker_comes(hasty_caller: Caller, hasty_product: Product) -> None:
    job_id = await hasty_caller.submit("stub", "read ok")
    job = await hasty_caller.job(job_id)
    assert (job.state, job.started_at) == (JobState.QUEUED, None)

    await hasty_product.worker()

    assert (await hasty_caller.ended(job_id)).state is JobState.SUCCEEDED


async def test_running_job_tells_since_when(caller: Caller, name: str) -> None:
    job_id = await caller.running("stub", f"read hang {name}")
    job = await caller.job(job_id)
    await caller.cancel(job_id)

    assert (job.state, job.ended_at, job.response) == (JobState.RUNNING, None, None)
    assert job.started_at is not None


async def test_success_is_exit_code_zero(caller: Caller) -> None:
    response = await caller.run("stub", "write ok")

    assert (response.state, response.success, response.exit_code) == (JobState.SUCCEEDED, True, 0)
    assert (response.error, response.truncated) == (None, False)


async def test_failure_keeps_the_exit_code_and_what_was_printed(caller: Caller) -> None:
    response = await caller.run("stub", "write fail 42")

    assert (response.state, response.success, response.exit_code) == (JobState.FAILED, False, 42)
    assert response.error == "it failed\n"


async def test_command_that_dies_of_a_signal_has_failed(caller: Caller) -> None:
    response = await caller.run("stub", "read die 11")

    assert (response.state, response.exit_code) == (JobState.FAILED, -1)
    assert response.error == "the process was ended by signal 11"


async def test_command_that_cannot_be_started_has_failed(hasty_caller: Caller, hasty_product: Product) -> None:
    await hasty_product.worker()
    executable = Path(stub.install(hasty_product.directory)) / "stub"
    executable.unlink()
    try:
        response = await hasty_caller.run("stub", "write ok")
    finally:
        stub.install(hasty_product.directory)

    assert (response.state, response.success, response.exit_code) == (JobState.FAILED, False, -1)
    assert response.error is not None
    assert "No such file or directory" in response.error


async def _ended_by_its_limit(caller: Caller, command: str) -> CommandResponse:
    """Runs a command that prints. On a slow machine it has printed nothing when a short limit ends it."""
    *short, longest = LIMITS_S
    for limit_s in short:
        response = await caller.run("stub", command, timeout=limit_s)
        if response.output:
            return response
    return await caller.run("stub", command, timeout=longest)


@needs_proc
@pytest.mark.parametrize("action", ["hang", "ignore-term", "fail-on-term"])
async def test_command_that_outlasts_its_limit_is_ended(caller: Caller, name: str, action: str) -> None:
    response = await _ended_by_its_limit(caller, f"write {action} {name}")

    assert (response.state, response.success, response.exit_code) == (JobState.TIMED_OUT, False, -1)
    assert response.output == "started\n"
    assert response.error is not None
    assert "time limit" in response.error
    assert processes_with(name) == []


async def test_queued_job_is_cancelled_at_once(hasty_caller: Caller) -> None:
    job_id = await hasty_caller.submit("stub", "write ok")

    job = await hasty_caller.cancel(job_id)

    assert job.state is JobState.CANCELLED
    assert job.finished().exit_code == -1
    assert job.finished().error == "cancelled by request"


@needs_proc
@pytest.mark.parametrize("action", ["hang", "ignore-term", "fail-on-term"])
async def test_running_job_is_cancelled_however_it_takes_the_signal(
    caller: Caller, system_redis: Redis, name: str, action: str
) -> None:
    job_id = await caller.submit("stub", f"write {action} {name}")
    await wait_until(lambda: has_printed(system_redis, job_id), timeout_s=60)

    await caller.cancel(job_id)
    response = await caller.ended(job_id)

    assert (response.state, response.success, response.exit_code) == (JobState.CANCELLED, False, -1)
    assert response.output == "started\n"
    assert response.error == "cancelled by request"
    assert processes_with(name) == []


async def test_job_that_no_worker_takes_expires(hasty_product: Product) -> None:
    url = await hasty_product.gateway(K8S_MCP_QUEUE_WAIT_S="1")
    async with caller_of(url, stub.KUBECONFIG) as caller:
        job_id = await caller.submit("stub", "write ok")

        response = await caller.ended(job_id)

    assert (response.state, response.success, response.exit_code) == (JobState.EXPIRED, False, -1)
    assert response.error == "no worker took the job in time"
    assert response.hint is not None
