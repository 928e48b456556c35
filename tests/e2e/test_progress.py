"""What silent commands wait for, as a follower and a poller learn it while they wait."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.e2e import manifests
from tests.e2e.clients import CLIENTS
from tests.e2e.user import User
from tests.integration.end_to_end.system import System
from tests.support.argo_cd import ArgoCd
from tests.support.caller import Caller, caller_of
from tests.support.control_plane import ControlPlane
from tests.support.events import following
from tests.support.mcp_caller import MODERN, mcp_client

SEEN_WITHIN_S = 90
"""The budget is 15 s on a machine that is not busy with tests; that it comes at all is what they show."""
FOREVER = "--timeout=10m"
PULL = "ImagePullBackOff (registry.example/web:1)"
CRASH = "CrashLoopBackOff (exit code 1)"


@pytest.fixture
async def caller(system: System, cluster: ControlPlane, namespace: str) -> AsyncIterator[Caller]:
    async with caller_of(system.url, cluster.kubeconfig(namespace=namespace)) as made:
        yield made


async def seen(caller: Caller, job_id: str, text: str) -> None:
    """Follows the job until its progress says so; who looks at the job then is told the same."""
    async with asyncio.timeout(SEEN_WITHIN_S), following(caller.http, job_id) as events:
        async for event in events:
            assert event.name != "end", event
            if event.name == "progress" and text in event.data["text"]:
                break
    job = await caller.job(job_id)
    assert job.progress is not None
    assert text in job.progress


async def apply(caller: Caller, manifest: str) -> None:
    await caller.output("kubectl", "apply -f -", stdin=manifest)


async def stuck(caller: Caller, reason: str, *, replicas: int = 2) -> None:
    """A Deployment whose pods are never ready."""
    await apply(caller, manifests.deployment(replicas=replicas, annotations=manifests.broken(reason)))


@pytest.mark.parametrize(("reason", "told"), [("ImagePullBackOff", PULL), ("CrashLoopBackOff", CRASH)])
async def test_stuck_install_says_why_its_pods_are_not_ready(caller: Caller, reason: str, told: str) -> None:
    files = manifests.chart(replicas=2, annotations=manifests.broken(reason))
    job_id = await caller.submit("helm", f"install web ./web -f values.yaml --wait {FOREVER}", files=files)
    await seen(caller, job_id, f"0/2 ready; web: {told}")
    cancelled = await caller.cancel(job_id)
    response = cancelled.response or await caller.ended(job_id)
    assert "ready" not in response.output
    assert f"Last seen: 0/2 ready; web: {told}." in (response.hint or "")


async def test_install_in_a_namespace_that_the_command_names_is_seen_too(caller: Caller, cluster: ControlPlane) -> None:
    other = cluster.kubeconfig(namespace="default")
    files = manifests.chart(annotations=manifests.broken("ImagePullBackOff"))
    namespace = (await caller.output("kubectl", "create configmap here -o jsonpath={.metadata.namespace}")).strip()
    stranger = Caller(caller.http, other)
    job_id = await stranger.submit(
        "helm",
        f"upgrade --install web ./web -n {namespace} -f values.yaml --rollback-on-failure {FOREVER}",
        files=files,
    )
    await seen(stranger, job_id, f"0/1 ready; web: {PULL}")
    await stranger.cancel(job_id)


async def test_rollout_says_what_its_new_pods_wait_for(caller: Caller) -> None:
    await apply(caller, manifests.deployment())
    await caller.output("kubectl", "rollout status deploy/web")
    await stuck(caller, "CrashLoopBackOff")
    job_id = await caller.submit("kubectl", f"rollout status deploy/web {FOREVER}")
    await seen(caller, job_id, f"0/2 ready; web: {CRASH}")
    await caller.cancel(job_id)


async def test_rollout_that_cannot_be_scheduled_says_so(caller: Caller) -> None:
    manifest = manifests.deployment(replicas=1).replace(
        "containers:", "nodeSelector: {zone: nowhere}\n      containers:"
    )
    await apply(caller, manifest)
    job_id = await caller.submit("kubectl", f"rollout status deploy/web {FOREVER}")
    await seen(caller, job_id, "web: Unschedulable (0/")
    await caller.cancel(job_id)


@pytest.mark.parametrize(
    ("operands", "told"),
    [
        ("--for=condition=Available deploy/web", f"0/1 ready; web: {PULL}"),
        ("--for=condition=Ready pod -l app=web", PULL),
    ],
)
async def test_wait_says_what_it_waits_for(caller: Caller, operands: str, told: str) -> None:
    await stuck(caller, "ImagePullBackOff", replicas=1)
    job_id = await caller.submit("kubectl", f"wait {operands} {FOREVER}")
    await seen(caller, job_id, told)
    await caller.cancel(job_id)


async def test_deletion_says_who_holds_what_is_left(caller: Caller) -> None:
    held = manifests.config_map("held").replace("name: held", "name: held\n  finalizers: [example.com/hold]")
    await apply(caller, held)
    job_id = await caller.submit("kubectl", "delete configmap held")
    await seen(caller, job_id, "1 left; ConfigMap held: Terminating (example.com/hold)")
    await caller.output("kubectl", """patch configmap held --type=merge -p '{"metadata":{"finalizers":null}}'""")
    job = await caller.job(job_id, wait_s=30)
    assert (job.state, job.progress) == ("succeeded", None)


async def test_install_that_gets_ready_ends_as_without_looks(caller: Caller) -> None:
    files = manifests.chart(annotations=manifests.slow("12s"))
    job_id = await caller.submit("helm", f"install web ./web -f values.yaml --wait {FOREVER}", files=files)
    await seen(caller, job_id, "0/1 ready")
    response = await caller.ended(job_id, wait_s=60)
    assert "STATUS: deployed" in response.output
    assert "ready" not in (response.output + (response.error or ""))


async def test_argo_cd_says_which_resources_are_not_healthy(
    system: System, cluster: ControlPlane, namespace: str, argo_cd: ArgoCd
) -> None:
    user = User(CLIENTS["rest"]((system.url,)), cluster, namespace, None).with_argo_cd(argo_cd.server, argo_cd.token)
    await user.output(
        "argocd",
        f"app create {namespace} --repo {argo_cd.repository.url} --path web --dest-server {argo_cd.cluster_url} "
        f"--dest-namespace {namespace} --insecure",
    )
    async with caller_of(system.url, "") as caller:
        answer = await caller.http.post(
            "/tools/argocd",
            json={"command": f"app wait {namespace} --sync --timeout 300 --insecure"},
            headers={**dict(user.headers), "Prefer": "respond-async"},
        )
        job_id = answer.json()["id"]
        await seen(caller, job_id, "sync status OutOfSync")
        await caller.cancel(job_id)


async def test_agent_is_told_why_its_install_is_stuck(system: System, cluster: ControlPlane, namespace: str) -> None:
    """As MCP progress while the call waits, and in its result when the job is handed over."""
    told = asyncio.Event()

    async def take(progress: float, total: float | None, message: str | None) -> None:
        assert (progress > 0, total) == (True, None)
        if f"web: {PULL}" in (message or ""):
            told.set()

    files = manifests.chart(annotations=manifests.broken("ImagePullBackOff"))
    arguments = {"command": f"install web ./web -f values.yaml --wait {FOREVER}", "files": files}
    kubeconfig = cluster.kubeconfig(namespace=namespace)
    async with mcp_client(system.url, kubeconfig=kubeconfig, mode=MODERN) as client, asyncio.timeout(SEEN_WITHIN_S):
        result = await client.call_tool("helm", arguments, progress_callback=take)
        assert told.is_set()
        assert result.structured_content is not None
        assert f"web: {PULL}" in result.structured_content["hint"]
        await client.call_tool("cancel_job", {"job_id": result.structured_content["job_id"]})
