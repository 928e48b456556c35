"""The control plane of these tests: it gets by where ports are taken, and nothing of it outlives them."""

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from tests.integration.cli.family import Family
from tests.support import processes
from tests.support.argo_cd import ArgoCd
from tests.support.control_plane import ControlPlane
from tests.support.control_plane.control_plane import NODE_LEASE
from tests.support.control_plane.daemons import Installation, PortTakenError
from tests.support.e2e_tools import E2eTools
from tests.support.product import PROJECT, Process
from tests.support.waiting import wait_until

SCRIPT = """
import signal
from tests.support import e2e_tools
from tests.support.argo_cd import ArgoCd
from tests.support.control_plane import ControlPlane
tools = e2e_tools.find()
with ControlPlane(tools) as cluster, ArgoCd(tools, cluster):
    print("ready", flush=True)
    signal.pause()
"""
START_TIMEOUT_S = 120
DEATH_TIMEOUT_S = 30
PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "argocd", "valkey")


@pytest.mark.usefixtures("tools")
async def test_killed_tests_take_their_control_plane_and_its_credentials_along(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    directory = tmp_path_factory.mktemp("killed")
    temporary = directory / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(temporary)}
    process = Process("tests", [sys.executable, "-c", SCRIPT], environment, directory / "log")
    await wait_until(lambda: "ready" in process.output() or not process.is_running, timeout_s=START_TIMEOUT_S)
    assert process.is_running, process.output()
    assert list(temporary.glob("control-plane-*/credentials/tokens.csv"))
    assert list(temporary.glob("argo-cd-*/kubeconfig"))
    with Family(process.pid) as family:
        assert all(any(part in command for command in family.commands.values()) for part in PARTS)
        process.kill()
        assert not family.survivors(timeout_s=DEATH_TIMEOUT_S)
    assert list(temporary.iterdir()) == []


async def test_node_keeps_saying_that_it_is_alive(cluster: ControlPlane) -> None:
    await wait_until(lambda: cluster.api.has(NODE_LEASE), timeout_s=START_TIMEOUT_S)
    assert cluster.api.get(NODE_LEASE)["spec"]["renewTime"]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def unlucky(installation: Installation, port_name: str, port: int, *, times: int) -> None:
    """Somebody takes that one of its ports between the choice and the start."""
    choose, left = installation.choose_ports, iter(range(times))

    def choose_ports() -> None:
        choose()
        if next(left, None) is not None:
            setattr(installation, port_name, port)

    installation.choose_ports = choose_ports  # type: ignore[method-assign]  # the race itself cannot be arranged


@pytest.mark.parametrize("port_name", ["port", "etcd_port", "etcd_peer_port"])
def test_cluster_starts_on_other_ports_where_one_was_taken(tools: E2eTools, taken: int, port_name: str) -> None:
    cluster = ControlPlane(tools)
    unlucky(cluster, port_name, taken, times=1)
    with cluster:
        assert getattr(cluster, port_name) != taken
        assert cluster.api.get("/api/v1/namespaces/default")["metadata"]["name"] == "default"


def test_argo_cd_starts_on_other_ports_where_one_was_taken(tools: E2eTools, taken: int) -> None:
    """On a cluster of its own: two with different secrets cannot share a namespace."""
    with ControlPlane(tools) as own_cluster:
        argo_cd = ArgoCd(tools, own_cluster)
        unlucky(argo_cd, "repo_port", taken, times=1)
        with argo_cd:
            assert argo_cd.repo_port != taken


@pytest.mark.parametrize(
    ("port_name", "part"), [("port", "kube-apiserver"), ("etcd_port", "etcd")], ids=["API server", "etcd"]
)
def test_ports_that_are_taken_again_are_told_in_one_line(
    tools: E2eTools, taken: int, port_name: str, part: str
) -> None:
    cluster = ControlPlane(tools)
    unlucky(cluster, port_name, taken, times=2)
    with (
        pytest.raises(PortTakenError, match=rf"\A{part} cannot listen on 127\.0\.0\.1:{taken}, .* start again"),
        cluster,
    ):
        pass
    assert not cluster.directory.exists()
    assert not processes.left_behind()
