"""Measures how soon a caller learns that a command was cancelled or that its worker died."""

import statistics
import time

from bench.clients import Rest
from bench.table import Row
from tests.support import stub
from tests.support.product import Process

CANCELS = 10
CANCEL_BUDGET_S = 1.0
LOST_BUDGET_S = 10.0


def rows(worker: Process, port: int) -> list[Row]:
    """Returns the rows of a cancellation and of a worker's death. Afterwards the product has no worker."""
    return [_cancel(port), _lost(worker, port)]


def _cancel(port: int) -> Row:
    rest = Rest(port)
    seconds = []
    for _ in range(CANCELS):
        job_id = _running_job(rest)
        started = time.perf_counter()
        rest.request("DELETE", f"/jobs/{job_id}")
        job = rest.request("GET", f"/jobs/{job_id}?wait=60")
        seconds.append(time.perf_counter() - started)
        if job["state"] != "cancelled":
            raise RuntimeError(f"the job ended as {job['state']}")
    median = statistics.median(seconds)
    return Row("cancel → process gone", "≤ 1 s + grace", f"{median * 1000:.0f} ms", median <= CANCEL_BUDGET_S)


def _lost(worker: Process, port: int) -> Row:
    rest = Rest(port)
    job_id = _running_job(rest)
    started = time.perf_counter()
    worker.kill()
    job = rest.request("GET", f"/jobs/{job_id}?wait=60")
    seconds = time.perf_counter() - started
    if job["state"] != "lost":
        raise RuntimeError(f"the job ended as {job['state']}")
    return Row("a killed worker's job settled", "≤ 10 s", f"{seconds:.1f} s", seconds <= LOST_BUDGET_S)


def _running_job(rest: Rest) -> str:
    """Returns the id of a running job."""
    job_id: str = rest.request(
        "POST", "/jobs", {"tool": "stub", "command": "write hang", "kubeconfig": stub.KUBECONFIG}
    )["id"]
    while rest.request("GET", f"/jobs/{job_id}")["state"] != "running":
        time.sleep(0.01)
    return job_id
