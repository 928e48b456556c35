"""Streams to a pod, for real: exec, logs and forwarded ports, over WebSocket and over SPDY.

KWOK answers for the kubelet. It reports each exit code of an exec as an error that names it.
"""

import asyncio
import json

import pytest

from tests.e2e.user import User
from tests.support import faulty_server
from tests.support.control_plane import ControlPlane
from tests.support.control_plane.audit import STARTED, AuditEvent
from tests.support.control_plane.kubelet import FIRST_LINE
from tests.support.faulty_server import answers
from tests.support.waiting import wait_until

ADMIN_PORT = 15_000
SERVICE = "outbound|80||web.shop.svc.cluster.local"
CLUSTERS = {
    "configs": [
        {
            "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
            "dynamic_active_clusters": [
                {
                    "cluster": {
                        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
                        "name": SERVICE,
                        "type": "EDS",
                    }
                }
            ],
        }
    ]
}
"""What Envoy's admin port answers to `config_dump`: https://www.envoyproxy.io/docs/envoy/latest/operations/admin"""
VERBS = {"websocket": "get", "spdy": "create"}
"""The audit log's verb for a stream: WebSocket begins with a GET, SPDY with a POST."""


@pytest.fixture(params=list(VERBS))
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def streaming_cluster(protocol: str, request: pytest.FixtureRequest, cluster: ControlPlane) -> ControlPlane:
    """The API server that takes this protocol; both serve the same objects."""
    if protocol == "websocket":
        return cluster
    spdy: ControlPlane = request.getfixturevalue("spdy_cluster")
    return spdy


@pytest.fixture
def pod(cluster: ControlPlane) -> str:
    return cluster.kubelet.exec_pod


@pytest.fixture
async def streaming_user(user: User, streaming_cluster: ControlPlane, pod: str) -> User:
    """Whose namespace has a running pod."""
    own = user.with_kubeconfig(streaming_cluster.kubeconfig(namespace=user.namespace))
    await own.output("kubectl", f"run {pod} --image=registry.example/web:1")
    await own.output("kubectl", f"wait pod/{pod} --for=condition=ready --timeout=60s")
    return own


async def test_exec_runs_a_program_and_its_output_comes_back(
    streaming_user: User, streaming_cluster: ControlPlane, protocol: str, pod: str
) -> None:
    before = streaming_cluster.audit.mark()

    assert await streaming_user.output("kubectl", f"exec {pod} -- echo hi") == "hi\n"

    assert await _stream(streaming_cluster, before, pod) == ("exec", VERBS[protocol], 101)


async def test_exec_reads_standard_input(streaming_user: User, pod: str) -> None:
    said = await streaming_user.output("kubectl", f"exec -i {pod} -- head -n2", stdin="one\ntwo\n")

    assert said == "one\ntwo\n"


async def test_exec_carries_much_in_both_directions(streaming_user: User, pod: str) -> None:
    """More than any buffer on the way holds."""
    size = 1_000_000

    counted = await streaming_user.output("kubectl", f"exec -i {pod} -- head -c {size} | wc -c", stdin="x" * size)

    assert int(counted) == size


async def test_exec_keeps_both_streams_and_the_failure(streaming_user: User, pod: str) -> None:
    failed = await streaming_user.failure("kubectl", f"exec {pod} -- sh -c 'echo good; echo bad >&2; exit 3'")

    assert failed.output == "good\n"
    assert failed.error is not None
    assert "bad\n" in failed.error
    assert "exit status 3" in failed.error


async def test_exec_with_a_long_command_line_arrives_whole(streaming_user: User, pod: str) -> None:
    """It lies in the query of the request."""
    word = "w" * 12_000

    assert await streaming_user.output("kubectl", f"exec {pod} -- echo {word}") == f"{word}\n"


async def test_exec_into_a_pod_that_runs_nothing_says_so(streaming_user: User) -> None:
    await streaming_user.output("kubectl", "run still --image=registry.example/web:1")
    await streaming_user.output("kubectl", "wait pod/still --for=condition=ready --timeout=60s")

    failed = await streaming_user.failure("kubectl", "exec still -- echo hi")

    assert "no exec found" in (failed.error or "")


async def test_attach_is_refused_before_anything_is_asked(streaming_user: User, pod: str) -> None:
    assert "terminal" in await streaming_user.refusal("kubectl", f"attach {pod}")


async def test_logs_are_read(streaming_user: User, pod: str) -> None:
    assert FIRST_LINE in await streaming_user.output("kubectl", f"logs {pod}")


async def test_logs_are_followed_until_the_time_is_over(
    streaming_user: User, streaming_cluster: ControlPlane, cluster: ControlPlane, pod: str
) -> None:
    """A line that is written meanwhile is seen."""
    before = streaming_cluster.audit.mark()
    command = asyncio.create_task(
        streaming_user.run("kubectl", f"logs -f --tail=1 {pod}", timeout=8), name="logs that are followed"
    )

    def follows() -> bool:
        started = streaming_cluster.audit.events(since=before, stage=STARTED)
        return any(event.subresource == "log" for event in started) or command.done()

    await wait_until(follows)
    cluster.kubelet.log(f"written for {streaming_user.namespace}")

    followed = await command

    assert followed.success, followed
    assert f"written for {streaming_user.namespace}" in followed.output


async def test_istioctl_reads_a_proxy_through_a_forwarded_port(
    streaming_user: User, streaming_cluster: ControlPlane, cluster: ControlPlane, protocol: str, pod: str
) -> None:
    """Only a pod of Istio's is reached, for which this one passes with that label."""
    command = f"proxy-config cluster {pod}.{streaming_user.namespace}"
    refused = await streaming_user.failure("istioctl", command)
    assert "the rule read refuses it" in f"{refused.output}{refused.error}"
    await streaming_user.output("kubectl", f"label pod {pod} app=istiod")
    before = streaming_cluster.audit.mark()
    dump = answers.responds(json.dumps(CLUSTERS).encode())

    async with faulty_server.running(dump, port=cluster.pod_ports[ADMIN_PORT]) as envoy:
        shown = await streaming_user.output("istioctl", command)

    assert "web.shop.svc.cluster.local" in shown
    assert [request.target.partition("?")[0] for request in envoy.requests] == ["/config_dump"]
    assert await _stream(streaming_cluster, before, pod) == ("portforward", VERBS[protocol], 101)


async def _stream(cluster: ControlPlane, before: int, pod: str) -> tuple[str, str, int]:
    """Subresource, verb and status of the newest stream of a pod, as the audit log has it."""

    def found() -> list[AuditEvent]:
        started = cluster.audit.events(since=before, stage=STARTED)
        return [event for event in started if event.name == pod and event.subresource]

    await wait_until(found)
    return found()[-1].subresource, found()[-1].verb, found()[-1].code
