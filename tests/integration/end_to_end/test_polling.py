"""A command outlives the request that brought it: submitted at one gateway, read and cancelled at another."""

import httpx

from shared.models import CommandClass, Job, JobState
from tests.integration.end_to_end.system import processes_with
from tests.support.api_server import ApiServer
from tests.support.caller import Caller
from tests.support.waiting import wait_until


async def test_result_of_a_long_command_is_read_from_another_gateway(
    caller: Caller, other_caller: Caller, api_server: ApiServer
) -> None:
    stall = api_server.stall()
    accepted = await caller.post("kubectl", f"get --raw {stall.raw_path}", prefer="respond-async")
    job = Job.model_validate_json(accepted.text)
    await stall.reached()

    assert accepted.status_code == httpx.codes.ACCEPTED
    assert accepted.headers["Location"] == job.links.self == f"/jobs/{job.id}"
    assert accepted.headers["Preference-Applied"] == "respond-async"
    assert int(accepted.headers["Retry-After"]) > 0
    assert (await other_caller.job(job.id)).state is JobState.RUNNING

    await stall.release()
    response = await other_caller.ended(job.id)

    assert response.success
    assert stall.name in response.output


async def test_preferred_wait_ends_with_the_job_and_no_later(caller: Caller) -> None:
    answer = await caller.post("stub", "read ok", prefer="wait=30")

    assert answer.status_code == httpx.codes.OK
    assert answer.json()["output"] == "ok\n"


async def test_preferred_wait_that_is_over_hands_the_job_over(caller: Caller, api_server: ApiServer) -> None:
    stall = api_server.stall()
    answer = await caller.post("kubectl", f"get --raw {stall.raw_path}", prefer="wait=1")
    job = Job.model_validate_json(answer.text)

    assert answer.status_code == httpx.codes.ACCEPTED
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert not job.state.is_final

    await stall.release()
    assert (await caller.ended(job.id)).success, "nobody waited for it, and it went on all the same"


async def test_job_is_submitted_without_a_wait(caller: Caller) -> None:
    body = {"tool": "stub", "command": "write say done", "kubeconfig": caller.kubeconfig}
    answer = await caller.http.post("/jobs", json=body)
    job = Job.model_validate_json(answer.text)

    assert answer.status_code == httpx.codes.ACCEPTED
    assert (job.tool, job.command_class, job.response) == ("stub", CommandClass.WRITE, None)
    assert (await caller.ended(job.id)).output == "done\n"


async def test_long_poll_of_a_job_that_goes_on_ends_with_its_time(caller: Caller, name: str) -> None:
    job_id = await caller.running("stub", f"read hang {name}")

    assert (await caller.job(job_id, wait_s=0.1)).state is JobState.RUNNING

    await caller.cancel(job_id)
    assert (await caller.ended(job_id)).state is JobState.CANCELLED


async def test_running_command_is_cancelled_at_another_gateway(
    caller: Caller, other_caller: Caller, api_server: ApiServer
) -> None:
    stall = api_server.stall()
    job_id = await caller.submit("kubectl", f"get --raw {stall.raw_path}")
    await stall.reached()
    [_] = processes_with(stall.raw_path)

    await other_caller.cancel(job_id)
    response = await caller.ended(job_id)

    assert (response.state, response.success, response.exit_code) == (JobState.CANCELLED, False, -1)
    assert response.error is not None
    assert "cancelled by request" in response.error
    await stall.abandoned()
    await wait_until(lambda: not processes_with(stall.raw_path))


async def test_finished_job_is_not_cancelled_any_more(caller: Caller) -> None:
    response = await caller.run("stub", "write say done")
    job = await caller.cancel(response.job_id)

    assert job.state is JobState.SUCCEEDED
    assert job.response == response
