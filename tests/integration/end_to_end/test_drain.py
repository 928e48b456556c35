"""A worker that is told to stop while commands run."""

import errno
import json
import os
import signal
import socket
from typing import Any

import httpx

from shared.models import JobState
from tests.integration.end_to_end.system import needs_proc, processes_with
from tests.support.api_server import ApiServer
from tests.support.caller import Caller
from tests.support.product import Process, Product, free_port
from tests.support.waiting import wait_until

STOPPED = "the worker was stopped before the command ended; a write may have taken effect"


def events(worker: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in worker.output().splitlines() if line.startswith("{")]


def is_draining(worker: Process) -> bool:
    return any(event["event"] == "draining" for event in events(worker))


async def exit_code(worker: Process) -> int:
    """Of a worker that ends by itself: one more signal could meet it when it listens no more."""
    await wait_until(lambda: not worker.is_running, timeout_s=60)
    return worker.stop()


async def told_to_stop(worker: Process) -> None:
    worker.signal(signal.SIGTERM)
    await wait_until(lambda: is_draining(worker))


async def test_running_command_ends_before_its_worker_does(
    hasty_caller: Caller, hasty_product: Product, api_server: ApiServer
) -> None:
    worker = await hasty_product.worker()
    stall = api_server.stall()
    job_id = await hasty_caller.submit("kubectl", f"get --raw {stall.stream_path}")
    await stall.reached()

    await told_to_stop(worker)
    while_it_drains = await hasty_caller.job(job_id)
    await stall.release()
    response = await hasty_caller.ended(job_id)

    assert while_it_drains.state is JobState.RUNNING
    assert (response.state, response.output) == (JobState.SUCCEEDED, "before\nafter\n")
    assert await exit_code(worker) == 0


async def test_worker_that_drains_takes_no_job_and_another_does(
    hasty_caller: Caller, hasty_product: Product, name: str
) -> None:
    first = await hasty_product.worker()
    running = await hasty_caller.running("stub", f"write hang {name}")
    await told_to_stop(first)
    second = await hasty_product.worker()

    outputs = [await hasty_caller.output("stub", "write ok") for _ in range(8)]
    await hasty_caller.cancel(running)
    await wait_until(lambda: not first.is_running)

    assert outputs == ["ok\n"] * 8
    assert [event["event"] for event in events(second)].count("job finished") == 8


@needs_proc
async def test_command_that_outlasts_the_drain_is_cancelled_with_the_reason(
    hasty_caller: Caller, hasty_product: Product, name: str
) -> None:
    worker = await hasty_product.worker(K8S_MCP_DRAIN_TIMEOUT_S="0.2", K8S_MCP_KILL_GRACE_S="0.2")
    jobs = [await hasty_caller.running("stub", f"{verb} ignore-term {name}") for verb in ("read", "write")]

    worker.signal(signal.SIGTERM)
    responses = [await hasty_caller.ended(job_id) for job_id in jobs]

    for response in responses:
        assert (response.state, response.exit_code, response.error) == (JobState.CANCELLED, -1, STOPPED)
    assert processes_with(name) == []
    assert await exit_code(worker) == 0


async def test_second_signal_ends_the_drain(hasty_caller: Caller, hasty_product: Product, name: str) -> None:
    worker = await hasty_product.worker()
    job_id = await hasty_caller.running("stub", f"write hang {name}")
    await told_to_stop(worker)

    worker.signal(signal.SIGTERM)
    response = await hasty_caller.ended(job_id)

    assert (response.state, response.error) == (JobState.CANCELLED, STOPPED)
    assert await exit_code(worker) == 0


async def test_stopped_worker_leaves_nothing_behind(hasty_caller: Caller, hasty_product: Product) -> None:
    worker = await hasty_product.worker()
    assert await hasty_caller.output("stub", "read ok") == "ok\n"

    worker.signal(signal.SIGTERM)

    assert await exit_code(worker) == 0

    assert not list(hasty_product.directory.glob("mcp-k8s-*"))
    tools = (await hasty_caller.http.get("/tools/status")).json()
    assert not tools["stub"]["available"], "it has withdrawn its announcement"


async def test_worker_that_drains_is_alive_counts_on_and_is_not_ready(
    hasty_caller: Caller, hasty_product: Product, api_server: ApiServer
) -> None:
    port = free_port()
    worker = await hasty_product.worker(K8S_MCP_METRICS_PORT=str(port))
    stall = api_server.stall()
    job_id = await hasty_caller.submit("kubectl", f"get --raw {stall.stream_path}")
    await stall.reached()

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

        async def status(path: str) -> int:
            return (await client.get(path)).status_code

        async def is_not_ready() -> bool:
            return await status("/readyz") == httpx.codes.SERVICE_UNAVAILABLE

        before = await status("/readyz")
        await told_to_stop(worker)
        await wait_until(is_not_ready)
        while_it_drains = await status("/livez")
        told = (await client.get("/metrics")).text
    await stall.release()
    await hasty_caller.ended(job_id)

    assert (before, while_it_drains) == (httpx.codes.OK, httpx.codes.OK)
    assert 'mcp_k8s_busy_slots{lane="fast"} 1.0' in told
    assert await exit_code(worker) == 0


async def test_worker_whose_port_is_taken_says_so_and_ends(hasty_product: Product) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        worker = hasty_product.start("worker", K8S_MCP_METRICS_PORT=str(port))

        assert await exit_code(worker) == 1

    last_line = worker.output().splitlines()[-1]
    assert last_line == f"cannot listen on K8S_MCP_METRICS_PORT, 127.0.0.1:{port}: {os.strerror(errno.EADDRINUSE)}"
