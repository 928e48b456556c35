"""Installs that take minutes, and a worker that dies in the middle of one."""

import asyncio
import json
from typing import Any

import pytest

from tests.e2e import manifests
from tests.e2e.agent import Agent
from tests.e2e.clients import CLIENTS
from tests.e2e.user import User
from tests.integration.end_to_end.system import System
from tests.support.caller import Caller, caller_of
from tests.support.control_plane import ControlPlane
from tests.support.mcp_caller import MODERN, MODES, call, mcp_client
from tests.support.product import Product
from tests.support.waiting import wait_until

MINUTES_S = 125
CLIENT_LIMIT_S = 15
"""A client's minute, scaled down with what the gateway waits."""
INSTALL_S = 20
INSTALL = "upgrade --install {name} ./web -f values.yaml --wait --timeout 10m"


@pytest.mark.timeout(MINUTES_S + 120)
async def test_install_of_minutes_is_followed_to_its_end_by_rest_and_by_mcp(
    system: System, cluster: ControlPlane, namespace: str
) -> None:
    """At once: submitted to one gateway and polled at the other; called by MCP and handed over as a job."""
    kubeconfig = cluster.kubeconfig(namespace=namespace)
    files = manifests.chart(annotations=manifests.slow(f"{MINUTES_S}s"))

    async def by_rest() -> None:
        async with caller_of(system.url, kubeconfig) as caller, caller_of(system.other_url, kubeconfig) as other:
            job_id = await caller.submit("helm", INSTALL.format(name="rest"), files=files)
            while not (job := await other.job(job_id, wait_s=30)).state.is_final:
                assert job.state == "running"
            assert "STATUS: deployed" in job.finished().output
            assert job.finished().duration_ms >= MINUTES_S * 1000

    async def by_mcp() -> None:
        async with mcp_client(system.url, kubeconfig=kubeconfig, mode=MODERN) as client:
            response = await call(client, "helm", command=INSTALL.format(name="mcp"), files=files)
            assert response.state == "running"
            assert response.job_id in (response.hint or "")
        while not response.state.is_final:
            async with mcp_client(system.other_url, mode=MODERN) as client:
                response = await call(client, "get_job", job_id=response.job_id, wait=30)
        assert "STATUS: deployed" in response.output

    async with asyncio.TaskGroup() as group:
        group.create_task(by_rest())
        group.create_task(by_mcp())


@pytest.mark.parametrize("times_out", [False, True], ids=["handed over", "times out"])
async def test_agent_whose_client_gives_up_sees_its_install_through_and_installs_once(
    own_product: Product, cluster: ControlPlane, namespace: str, times_out: bool
) -> None:
    """An install that is longer than the client's limit, which no call may reach but the first of who times out."""
    hasty = await own_product.gateway(K8S_MCP_MCP_WAIT="2", K8S_MCP_MAX_WAIT_S="2")
    first = await own_product.gateway(K8S_MCP_MCP_WAIT="600") if times_out else hasty
    await own_product.worker()
    files = manifests.chart(annotations=manifests.slow(f"{INSTALL_S}s"))
    kubeconfig = cluster.kubeconfig(namespace=namespace)
    agents = [Agent((first, hasty), kubeconfig, mode, CLIENT_LIMIT_S) for mode in MODES]

    async def installs(agent: Agent) -> None:
        response = await agent.run("helm", command=f"install {agent.mode} ./web -f values.yaml --wait", files=files)
        assert "STATUS: deployed" in response.output
        assert response.duration_ms > CLIENT_LIMIT_S * 1000

    async with asyncio.TaskGroup() as group:
        for agent in agents:
            group.create_task(installs(agent))
    for agent in agents:
        assert agent.timeouts == int(times_out)
        assert agent.calls[: 1 + agent.timeouts] == ["helm"] * (1 + agent.timeouts)
        assert set(agent.calls[1 + agent.timeouts :]) == {"get_job"}
        assert [release["revision"] for release in await _history(hasty, kubeconfig, agent.mode)] == [1]


async def _history(url: str, kubeconfig: str, release: str) -> list[dict[str, Any]]:
    async with caller_of(url, kubeconfig) as caller:
        response = await caller.run("helm", f"history {release} -o json")
    found: list[dict[str, Any]] = json.loads(response.output)
    return found


@pytest.mark.parametrize("kind", list(CLIENTS))
async def test_install_whose_worker_dies_is_lost_and_the_next_command_says_how_to_recover(
    own_product: Product, cluster: ControlPlane, namespace: str, kind: str
) -> None:
    url = await own_product.gateway()
    kubeconfig = cluster.kubeconfig(namespace=namespace)
    user = User(CLIENTS[kind]((url,)), cluster, namespace, kubeconfig)
    slow = manifests.chart(annotations=manifests.slow("10m"))
    worker = await own_product.worker()
    async with caller_of(url, kubeconfig) as caller:
        job_id = await caller.running("helm", "install web ./web -f values.yaml --wait --timeout 10m", files=slow)
        await wait_until(lambda: "web" in _deployments(cluster, namespace), timeout_s=30)
        worker.kill()
        await own_product.worker()
        await _is_lost(caller, job_id)
    assert "pending-install" in await user.output("helm", "list --pending")
    failed = await user.failure("helm", "upgrade --install web ./web", files=manifests.chart())
    assert "uninstall RELEASE" in (failed.hint or "")
    assert "pending" in await user.output("helm", "history web")
    await user.output("helm", "uninstall web")
    assert "STATUS: deployed" in await user.output("helm", "install web ./web --wait", files=manifests.chart())


def _deployments(cluster: ControlPlane, namespace: str) -> list[str]:
    found = cluster.api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")
    return [item["metadata"]["name"] for item in found["items"]]


async def _is_lost(caller: Caller, job_id: str) -> None:
    job = await caller.job(job_id, wait_s=30)
    response = job.finished()
    assert (job.state, response.success, response.exit_code) == ("lost", False, -1)
    assert "had begun to change the cluster" in (response.hint or "")
