"""What needs no rule runs: the forms of docs/policy.md, in the settings that their words would rule out."""

from pathlib import Path

import pytest

from tests.e2e.clients import McpClient
from tests.e2e.forms import FORMS, READER, SECRET, SPROCKET, SPROCKETS, Setting
from tests.e2e.user import User
from tests.integration.end_to_end.system import System
from tests.support import processes
from tests.support.control_plane import ControlPlane
from tests.support.product import START_TIMEOUT_S, is_serving
from tests.support.waiting import wait_blocking

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FENCE = "namespaces: [t*]\n"
"""Around the namespaces of scenarios."""


@pytest.fixture
def urls(system: System, tmp_path: Path) -> dict[Setting, str]:
    """A gateway for each setting."""
    fence = tmp_path / "fence.yaml"
    fence.write_text(FENCE)
    started = {
        Setting.FENCE: system.product.start_gateway(K8S_MCP_SECURITY_CONFIG=str(fence)),
        Setting.PERMISSIVE: system.product.start_gateway(K8S_MCP_SECURITY_MODE="permissive"),
        Setting.ANY: system.product.start_gateway(K8S_MCP_SECURITY_MODE="read-only"),
    }
    processes.long_lived.update(process.pid for _, process in started.values())
    wait_blocking(lambda: all(is_serving(*each) for each in started.values()), timeout_s=START_TIMEOUT_S)
    return {Setting.STRICT: system.url, **{setting: url for setting, (url, _) in started.items()}}


@pytest.fixture
def namespace(cluster: ControlPlane, namespace: str) -> str:
    """With an object of a kind that no CLI knows, a Secret, and a Deployment that reads it."""
    objects = f"/apis/example.com/v1/namespaces/{namespace}/sprockets"
    cluster.api.create(DEFINITIONS, SPROCKETS)
    cluster.daemons.wait("sprockets are served", lambda: cluster.api.has(objects))
    cluster.api.create(objects, SPROCKET)
    cluster.api.create(f"/api/v1/namespaces/{namespace}/secrets", SECRET)
    cluster.api.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", READER)
    return namespace


async def test_each_form_runs(cluster: ControlPlane, namespace: str, urls: dict[Setting, str]) -> None:
    failed = []
    for form in FORMS:
        client = McpClient((urls[form.setting],))
        user = User(client, cluster, namespace, cluster.kubeconfig(namespace=namespace))
        response = await user.run(form.tool, form.arguments, files=dict(form.files))
        if form.prints not in response.output or response.code:
            failed.append((form.command, response))
    assert not failed
