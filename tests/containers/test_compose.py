"""compose.yaml as a user runs it: the README's calls, more workers, a killed one, and a Redis that restarts."""

import asyncio
import json
from functools import partial
from pathlib import Path

import httpx
import yaml

from shared.models import JobState
from tests.containers.compose import Compose
from tests.containers.conftest import announced, scale, settle
from tests.support import cli, mcp_caller, readme
from tests.support.api_server import ApiServer
from tests.support.caller import Caller
from tests.support.mcp_caller import mcp_client
from tests.support.waiting import wait_blocking, wait_until

SETTLE_TIMEOUT_S = 60.0
CREATE = "create configmap made --from-literal=a=b"


async def readme_call(index: int, installation: Compose, kubeconfig: str, directory: Path) -> str:
    return await asyncio.to_thread(
        readme.printed,
        readme.CALLS[index],
        url=installation.url,
        kubeconfig=kubeconfig,
        kubectl=cli.find("kubectl"),
        directory=directory,
    )


def reach(installation: Compose, kubeconfig: str) -> None:
    """Waits until every worker reaches the cluster, which is at an address of podman's bridge: see `settle`."""
    address = httpx.URL(yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["server"])
    for worker in installation.containers("worker"):
        found = partial(installation.can_connect, worker, address.host, address.port or 443)
        wait_blocking(found, timeout_s=SETTLE_TIMEOUT_S)


async def test_first_call_of_the_readme_works(installation: Compose, kubeconfig: str, tmp_path: Path) -> None:
    answer = json.loads(await readme_call(0, installation, kubeconfig, tmp_path))

    assert answer["success"], answer
    assert "web-1" in answer["output"]


async def test_second_call_of_the_readme_is_a_job_that_succeeds(
    installation: Compose, kubeconfig: str, caller: Caller, tmp_path: Path
) -> None:
    job = json.loads(await readme_call(1, installation, kubeconfig, tmp_path))

    assert (await caller.ended(job["id"])).success


async def test_mcp_client_calls_a_tool(installation: Compose, kubeconfig: str) -> None:
    async with mcp_client(installation.url, kubeconfig=kubeconfig) as client:
        response = await mcp_caller.call(client, "kubectl", command="get pods -n default")

    assert "web-1" in response.output


async def test_worker_has_every_tool_and_filter(installation: Compose, caller: Caller) -> None:
    status = (await caller.http.get("/tools/status")).json()
    texts = "jq -r .items[].metadata.name | yq . | grep -v x | sed s/a/a/ | awk {print} | sort | uniq"
    more = "head -3 | tail -3 | cut -c 1-40 | tr a a | column | wc -l"

    assert all(tool["available"] for tool in status.values()), status
    for filters in (texts, more):
        assert await caller.output("kubectl", f"get pods -n default -o json | {filters}")


async def test_killed_worker_loses_its_job_and_no_other(
    installation: Compose, caller: Caller, cluster: ApiServer
) -> None:
    scale(installation, 3)
    await asyncio.to_thread(reach, installation, caller.kubeconfig)
    stall = cluster.stall()
    job_id = await caller.running("helm", f"uninstall web --wait -n {stall.namespace}")
    await stall.reached()
    running = [worker for worker in installation.containers("worker") if "helm" in installation.run("top", worker)]

    installation.run("kill", *running)

    assert len(running) == 1
    assert "web-1" in await caller.output("kubectl", "get pods -n default")
    await caller.reaches(job_id, JobState.LOST, timeout_s=SETTLE_TIMEOUT_S)
    await stall.release()


async def test_running_write_outlives_a_restart_of_redis(
    installation: Compose, caller: Caller, cluster: ApiServer
) -> None:
    stall = cluster.stall()
    job_id = await caller.running("kubectl", f"{CREATE} -n {stall.namespace}")
    await stall.reached()

    [redis] = installation.containers("redis")
    installation.run("stop", redis)
    installation.run("start", redis)
    await asyncio.to_thread(settle, installation)
    await stall.release()

    async def has_succeeded() -> bool:
        answer = await caller.http.get(f"/jobs/{job_id}")
        return answer.status_code == httpx.codes.OK and answer.json()["state"] == JobState.SUCCEEDED

    async def takes_jobs() -> bool:
        answer = await caller.post("kubectl", "get pods -n default", prefer="respond-async")
        return answer.status_code == httpx.codes.ACCEPTED

    await wait_until(has_succeeded, timeout_s=SETTLE_TIMEOUT_S)
    await wait_until(takes_jobs, timeout_s=SETTLE_TIMEOUT_S)
    await wait_until(lambda: announced(installation) > 0, timeout_s=SETTLE_TIMEOUT_S)


async def test_cluster_on_loopback_is_refused_with_the_way_out(installation: Compose, cluster: ApiServer) -> None:
    async with httpx.AsyncClient(base_url=installation.url, timeout=30) as http:
        answer = await Caller(http, cluster.kubeconfig()).post("kubectl", "get pods")

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "kind get kubeconfig --internal" in answer.json()["detail"]
