"""Commands that tunnel to a pod. No kubelet answers here: what shows is that nothing of ours is in the way to it."""

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
async def test_argocd_without_a_server_gets_as_far_as_the_pod_that_it_needs(core_user: User, command: str) -> None:
    failed = await core_user.failure("argocd", command)

    assert "error upgrading connection" in f"{failed.error}"
