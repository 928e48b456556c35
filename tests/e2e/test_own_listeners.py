"""Commands that listen on ports of their own, through which they reach a server of theirs or a pod."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.user import User
from tests.support.argo_cd import ArgoCd
from tests.support.control_plane.audit import STARTED

NAMESPACE = "argocd"


@pytest.fixture
async def core_user(user: User, argo_cd: ArgoCd) -> AsyncIterator[User]:
    """Of Argo CD's own namespace, with a pod such as `argocd --core` forwards a port of its own to."""
    assert argo_cd.server
    own = user.with_kubeconfig(user.cluster.kubeconfig(namespace=NAMESPACE))
    pod = user.namespace  # a name that no other scenario has
    labels = "app.kubernetes.io/name=argocd-repo-server"
    await own.output("kubectl", f"run {pod} --image=registry.example/argocd:3 --labels={labels}")
    await own.output("kubectl", f"wait pod/{pod} --for=condition=ready --timeout=60s")
    yield own
    await own.output("kubectl", f"delete pod {pod}")


@pytest.mark.parametrize(("command", "names"), [("app list --core", "SYNCPOLICY"), ("version --core", "argocd-server")])
async def test_argocd_without_a_server_works_through_listeners_of_its_own(
    core_user: User, command: str, names: str
) -> None:
    audit = core_user.cluster.audit
    before = audit.mark()

    assert names in await core_user.output("argocd", command)

    forwards = [event for event in audit.events(since=before, stage=STARTED) if event.subresource == "portforward"]
    assert {(event.name, event.code) for event in forwards} == {(core_user.namespace, 101)}
