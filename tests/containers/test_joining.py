"""Workers in the network of a cluster on this machine, as docs/compose.md tells."""

import dataclasses
from collections.abc import Iterator

import pytest

from tests.containers.compose import Compose
from tests.containers.conftest import settle

NETWORK = "mcp-k8s-test-cluster"


@pytest.fixture
def network(installation: Compose) -> Iterator[str]:
    installation.run("network", "create", NETWORK)
    yield NETWORK
    installation.run("network", "rm", NETWORK)


def test_workers_join_the_network_of_a_cluster(
    installation: Compose, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_CLUSTER_NETWORK", network)
    joined = dataclasses.replace(installation, files=("compose.yaml", "deploy/compose/join.yaml"))
    before = set(installation.containers("worker"))
    joined("run", "--detach", "--no-deps", "worker")
    [worker] = set(installation.containers("worker")) - before
    try:
        assert network in installation.inspect(worker, "{{json .NetworkSettings.Networks}}")
        assert network not in installation.inspect(before.pop(), "{{json .NetworkSettings.Networks}}")
    finally:
        installation.run("rm", "--force", worker)
        settle(installation)
