"""The MCP tool that only reads: reading commands run, and a change is referred to the tool that makes it."""

from dataclasses import replace

import pytest

from tests.e2e import manifests
from tests.e2e.clients import InspectingClient
from tests.e2e.user import User
from tests.integration.end_to_end.system import System
from tests.support.argo_cd import ArgoCd

CHART = manifests.chart()
MANIFEST = manifests.deployment()


@pytest.fixture
def inspector(user: User, system: System) -> User:
    return replace(user, client=InspectingClient(tuple(gateway.url for gateway in system.gateways)))


async def test_cluster_is_looked_at_with_each_tool(user: User, inspector: User) -> None:
    await user.output("helm", "install web ./web --wait", files=CHART)

    assert "web" in await inspector.output("kubectl", "get deployments -o wide")
    assert "Replicas:" in await inspector.output("kubectl", "describe deployment web")
    assert "1" in await inspector.output("kubectl", "get deploy web -o json | jq .spec.replicas")
    assert "web" in await inspector.output("helm", "list")
    assert "deployed" in await inspector.output("helm", "status web")
    assert "kind: Deployment" in await inspector.output("helm", "get manifest web")
    assert "Analyzer" in await inspector.output("istioctl", "analyze --list-analyzers")
    assert "yes" in await inspector.output("kubectl", "auth can-i delete pods")


async def test_changes_are_tried_without_being_made(user: User, inspector: User) -> None:
    await user.output("kubectl", "apply -f -", stdin=manifests.deployment(replicas=1))

    assert "(server dry run)" in await inspector.output("kubectl", "apply -f - --dry-run=server", stdin=MANIFEST)
    assert "+  replicas: 2" in (await inspector.run("kubectl", "diff -f -", stdin=MANIFEST)).output
    assert "scaled (server dry run)" in await inspector.output(
        "kubectl", "scale deploy web --replicas=5 --dry-run=server"
    )
    assert "kind: Deployment" in await inspector.output("helm", "template web ./web", files=CHART)
    assert await user.output("kubectl", "get deploy web -o jsonpath={.metadata.generation}") == "1"


async def test_application_is_looked_at(inspector: User, argo_cd: ArgoCd) -> None:
    argo_user = inspector.with_argo_cd(argo_cd.server, argo_cd.token)

    assert "NAME" in await argo_user.output("argocd", "app list --insecure")


@pytest.mark.parametrize(
    ("tool", "command"),
    [
        ("kubectl", "apply -f -"),
        ("kubectl", "delete deploy web"),
        ("helm", "uninstall web"),
        ("istioctl", "proxy-status"),
        ("argocd", "app sync web"),
    ],
)
async def test_change_is_referred_to_the_tool_that_makes_it(inspector: User, tool: str, command: str) -> None:
    assert f"Call the tool {tool}" in await inspector.refusal(tool, command)
