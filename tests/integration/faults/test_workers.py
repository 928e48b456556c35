"""Workers are killed, stopped and replaced while commands run: what really ran is counted."""

import asyncio
import os
import signal

import pytest

from shared.models import JobState
from tests.integration.end_to_end.system import needs_proc, processes_with
from tests.integration.faults.scene import SETTLE_TIMEOUT_S, Scene, assert_lost
from tests.support.product import Process, Product
from tests.support.waiting import wait_until

SLOTS = {"K8S_MCP_FAST_SLOTS": "2", "K8S_MCP_SLOW_SLOTS": "2"}
SLOW = pytest.mark.timeout(300)


@SLOW
@needs_proc
async def test_write_of_a_killed_worker_is_lost_and_ran_once(scene: Scene, mark: str) -> None:
    worker = await scene.product.worker()
    job_id = await scene.holding("write", mark, "deaf")
    await scene.product.worker()

    worker.kill()
    await scene.counting.gone(mark)
    response = await scene.ended(job_id)

    assert_lost(response)
    assert processes_with(mark) == []
    assert (await scene.run("write", f"{mark}-next")).success, "the other worker takes what comes"
    assert scene.counts(mark) == (1, 0)
    assert (await scene.caller.job(job_id)).state is JobState.LOST


@SLOW
async def test_job_that_a_killed_worker_had_not_begun_runs_once_on_another(scene: Scene, mark: str) -> None:
    worker = await scene.product.worker(K8S_MCP_SLOW_SLOTS="1")
    running = await scene.holding("write", mark)
    waiting = await scene.submit("write", f"{mark}-waiting")

    worker.kill()
    await scene.product.worker()
    response = await scene.caller.ended(waiting)

    assert response.state is JobState.SUCCEEDED
    assert_lost(await scene.ended(running))
    assert scene.counts(f"{mark}-waiting") == (1, 1)
    assert scene.counts(mark) == (1, 0)


@SLOW
async def test_worker_that_slept_through_its_lease_ends_its_command_and_writes_nothing(scene: Scene, mark: str) -> None:
    worker = await scene.product.worker()
    ended = f"{mark}-ended"
    held_id, ended_id = await scene.holding("write", mark), await scene.holding("write", ended)

    worker.signal(signal.SIGSTOP)
    scene.counting.release(ended)
    await scene.counting.gone(ended)
    lost = [await scene.ended(job_id) for job_id in (held_id, ended_id)]
    was_alive = scene.counting.is_running(mark)
    worker.signal(signal.SIGCONT)
    await scene.counting.gone(mark, timeout_s=60)
    follower = await scene.run("write", f"{mark}-next")

    assert was_alive, "nobody else could end it"
    assert follower.success, "the worker goes on"
    assert [await scene.ended(job_id) for job_id in (held_id, ended_id)] == lost
    for response in lost:
        assert_lost(response)
    assert scene.counts(mark) == (1, 0)
    assert scene.counts(ended) == (1, 1), "the effect is there, and its result came too late"


@SLOW
async def test_worker_that_slept_for_less_than_its_lease_goes_on(scene: Scene, mark: str) -> None:
    worker = await scene.product.worker()
    job_id = await scene.holding("write", mark)

    worker.signal(signal.SIGSTOP)
    await scene.caller.job(job_id, wait_s=2)
    worker.signal(signal.SIGCONT)
    scene.counting.release(mark)

    assert (await scene.ended(job_id)).state is JobState.SUCCEEDED
    assert scene.counts(mark) == (1, 1)


@SLOW
async def test_rolling_restart_under_load_loses_and_doubles_nothing(scene: Scene, product: Product, mark: str) -> None:
    workers = [await product.worker(**SLOTS) for _ in range(2)]
    stop = asyncio.Event()
    marks: list[str] = []

    async def load(verb: str, number: int) -> None:
        while not stop.is_set():
            marks.append(own := f"{mark}-{number}-{len(marks)}")
            response = await scene.run(verb, own, "pause=0.05")
            assert (response.state, response.output) == (JobState.SUCCEEDED, "started\nended\n"), (response, own)

    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(load("write" if number % 2 else "read", number))
        for worker in workers:
            await product.worker(**SLOTS)
            await _restarted(worker)
        stop.set()

    assert marks
    assert {own: scene.counts(own) for own in marks} == dict.fromkeys(marks, (1, 1))


async def _restarted(worker: Process) -> None:
    """SIGTERM, to the end."""
    worker.signal(signal.SIGTERM)
    await wait_until(lambda: not worker.is_running, timeout_s=SETTLE_TIMEOUT_S)
    assert worker.stop() == 0


@SLOW
@needs_proc
@pytest.mark.parametrize(
    ("poison", "end"),
    [
        ("die 9", JobState.FAILED),
        ("die 11", JobState.FAILED),
        ("grandchild {mark}", JobState.SUCCEEDED),
        ("ignore-term {mark}", JobState.CANCELLED),
        ("flood 20000000", JobState.SUCCEEDED),
    ],
    ids=["killed", "crashes", "leaves a grandchild that keeps the output open", "deaf", "floods"],
)
async def test_poison_job_slows_no_one(scene: Scene, mark: str, poison: str, end: JobState) -> None:
    worker = await scene.product.worker(**SLOTS)
    poisoned = await scene.caller.submit("stub", f"write {poison.format(mark=mark)}")

    for number in range(3):
        for verb in ("write", "read"):
            assert (await scene.run(verb, f"{mark}-{verb}-{number}")).success
    if end is JobState.CANCELLED:
        assert (await scene.caller.job(poisoned)).state is JobState.RUNNING, "the others did not wait for its end"
        await scene.caller.cancel(poisoned)

    assert (await scene.ended(poisoned)).state is end
    assert worker.is_running
    assert processes_with(mark) == []


async def test_backlog_of_writes_does_not_delay_a_read(scene: Scene, mark: str) -> None:
    await scene.product.worker(**SLOTS)
    backlog = [await scene.submit("write", f"{mark}-{number}", "hold") for number in range(20)]
    await wait_until(lambda: scene.counting.starts.total() == 2)

    read = await scene.run("read", mark)
    states = [(await scene.caller.job(job_id)).state for job_id in backlog]
    for job_id in backlog:
        await scene.caller.cancel(job_id)

    assert read.success
    assert (states.count(JobState.RUNNING), states.count(JobState.QUEUED)) == (2, 18)
    for job_id in backlog:
        assert (await scene.ended(job_id)).state is JobState.CANCELLED


async def test_killed_command_is_no_killed_worker(scene: Scene, mark: str) -> None:
    worker = await scene.product.worker()
    job_id = await scene.holding("write", mark)

    [child] = processes_with(mark)
    os.kill(child, signal.SIGKILL)
    response = await scene.ended(job_id)

    assert (response.state, response.exit_code) == (JobState.FAILED, -1)
    assert worker.is_running
    assert scene.counts(mark) == (1, 0)
