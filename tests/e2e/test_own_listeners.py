"""Commands that tunnel to a pod through a listener of their own."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.user import User
from tests.support.argo_cd import ArgoCd

NAMESPACE = "argocd"


@pytest.fixture
async def core_user(user: User, argo_cd: ArgoCd) -> AsyncIterator[User]:
    """Of Argo CD's own namespace, with a pod such as `argocd --core` forwards a port of its own to."""
    assert argo_cd.server
    own = user.with_kubeconfig(user.cluster.kubeconfig(namespace=NAMESPACE))
    pod = user.namespace
    labels = "app.kubernetes.io/name=argocd-repo-server"
    await own.output("kubectl", f"run {pod} --image=registry.example/argocd:3 --labels={labels}")
    await own.output("kubectl", f"wait pod/{pod} --for=condition=ready --timeout=60s")
    yield own
    await own.output("kubectl", f"delete pod {pod}")


@pytest.mark.parametrize("command", ["app list --core", "version --core"])
async def test_argocd_without_a_server_works_and_its_tunnel_is_told_as_a_change(core_user: User, command: str) -> None:
    response = await core_user.run("argocd", command)

    assert response.success, response
    assert response.changes is not None
    assert "portforward" in {change.verb for change in response.changes.items}
