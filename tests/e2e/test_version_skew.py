"""The CLIs against the API server of the minor before: kubectl promises one minor of difference, helm three.

https://kubernetes.io/releases/version-skew-policy/#kubectl
"""

from collections.abc import Iterator

import pytest

from tests.e2e import manifests
from tests.e2e.session import running
from tests.e2e.user import User
from tests.support.control_plane import ControlPlane
from tests.support.e2e_tools import E2eTools


@pytest.fixture(scope="module")
def previous_cluster(tools: E2eTools, cluster: ControlPlane) -> Iterator[ControlPlane]:
    """Without controllers: objects are kept, and nothing becomes of them."""
    previous = ControlPlane(tools, etcd_url=cluster.etcd_url, api_server="kube-apiserver-previous")
    with running(previous) as control_plane:
        yield control_plane


@pytest.fixture
def previous_user(user: User, previous_cluster: ControlPlane) -> User:
    previous_cluster.api.create("/api/v1/namespaces", {"metadata": {"name": user.namespace}})
    return user.with_kubeconfig(previous_cluster.kubeconfig(namespace=user.namespace))


async def test_kubectl_works(previous_user: User) -> None:
    assert "Server Version: v1.36" in await previous_user.output("kubectl", "version")
    await previous_user.output("kubectl", "apply -f -", stdin=manifests.deployment())
    await previous_user.output("kubectl", "set image deploy/web main=registry.example/web:2")
    assert "registry.example/web:2" in await previous_user.output("kubectl", "get deploy web -o yaml")
    assert "deleted" in await previous_user.output("kubectl", "delete deploy web")


async def test_helm_works(previous_user: User) -> None:
    chart = manifests.chart()
    await previous_user.output("helm", "install web ./web", files=chart)
    await previous_user.output("helm", "upgrade web ./web --set replicas=2", files=chart)
    assert "web-1.0.0" in await previous_user.output("helm", "list")
    assert "uninstalled" in await previous_user.output("helm", "uninstall web")
