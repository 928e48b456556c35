"""istioctl against a real cluster with Istio's own resource definitions; KWOK makes istiod ready."""

import pytest
import yaml

from tests.e2e import manifests
from tests.e2e.clients import McpClient
from tests.e2e.user import User
from tests.support.control_plane import ControlPlane
from tests.support.e2e_tools import E2eTools

CRDS = "manifests/charts/base/files/crd-all.gen.yaml"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
VIRTUAL_SERVICES = "/apis/networking.istio.io/v1/virtualservices"
INSTALL = "install -y --readiness-timeout 90s"


@pytest.fixture(scope="session")
def definitions(tools: E2eTools, cluster: ControlPlane) -> None:
    """Those that Istio's base chart brings."""
    documents = yaml.load_all((tools.files("istio") / CRDS).read_text(), yaml.CSafeLoader)
    for definition in filter(None, documents):
        cluster.api.create(DEFINITIONS, definition)
    cluster.daemons.wait("Istio's kinds are served", lambda: cluster.api.has(VIRTUAL_SERVICES))


def virtual_service(*, gateway: str) -> str:
    """That sends its traffic to a gateway by that name."""
    return yaml.safe_dump(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "web"},
            "spec": {
                "hosts": ["web.example.com"],
                "gateways": [gateway],
                "http": [{"route": [{"destination": {"host": "web"}}]}],
            },
        }
    )


def mesh(namespace: str) -> str:
    """A control plane alone, in that namespace, which is its revision's name too."""
    values = {"global": {"istioNamespace": namespace}, "pilot": {"autoscaleEnabled": False}}
    spec = {"profile": "minimal", "namespace": namespace, "revision": namespace, "values": values}
    return yaml.safe_dump({"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "spec": spec})


@pytest.mark.usefixtures("definitions")
async def test_analysis_finds_nothing_where_nothing_is_wrong(user: User) -> None:
    await user.output("kubectl", f"label namespace {user.namespace} istio-injection=disabled")
    assert "No validation issues found" in await user.words("istioctl", f"analyze -n {user.namespace}")


@pytest.mark.usefixtures("definitions")
async def test_analysis_names_a_gateway_that_is_not_there(user: User) -> None:
    await user.output("kubectl", "apply -f -", stdin=virtual_service(gateway="nowhere"))
    found = await user.run("istioctl", f"analyze -n {user.namespace}")
    assert found.exit_code != 0
    assert "IST0101" in found.output + (found.error or "")


async def test_analysis_reads_files_without_a_cluster(user: User) -> None:
    files = {"mesh/web.yaml": virtual_service(gateway="nowhere")}
    found = await user.run("istioctl", "analyze --use-kube=false mesh/web.yaml", files=files)
    assert "IST0101" in found.output + (found.error or "")


async def test_manifests_are_generated_without_a_cluster(user: User) -> None:
    without_definitions = "manifest generate --set profile=minimal --set components.base.enabled=false"
    output = await user.with_kubeconfig(None).output("istioctl", f"{without_definitions} | grep ^kind: | sort -u")
    assert {"kind: ClusterRole", "kind: ConfigMap", "kind: ServiceAccount"} <= set(output.splitlines())


async def test_output_that_is_too_long_is_cut_and_that_is_told(user: User) -> None:
    """Over MCP at whole lines, so that a model can take it in one piece."""
    response = await user.run("istioctl", "manifest generate --set profile=minimal")
    assert (response.success, response.truncated) == (True, True)
    if isinstance(user.client, McpClient):
        assert 30_000 < len(response.output) < 40_000
        assert "read_output" in response.output
    else:
        assert len(response.output) == 100_000


async def test_validation_tells_good_from_bad(user: User) -> None:
    good = {"web.yaml": virtual_service(gateway="mesh")}
    assert "is valid" in await user.words("istioctl", "validate -f web.yaml", files=good)
    bad = {"web.yaml": virtual_service(gateway="mesh").replace("destination", "destiny")}
    assert (await user.run("istioctl", "validate -f web.yaml", files=bad)).exit_code != 0


async def test_control_plane_is_installed_ready_and_removed(user: User) -> None:
    files = {"mesh.yaml": mesh(user.namespace)}
    assert "Installation complete" in await user.words("istioctl", f"{INSTALL} -f mesh.yaml", files=files)
    assert "1/1" in await user.output("kubectl", "get deployments")
    uninstall = f"uninstall -y --revision {user.namespace} -f mesh.yaml"
    assert "Uninstall complete" in await user.words("istioctl", uninstall, files=files)
    await user.output("kubectl", "wait deployments --all --for=delete --timeout=60s")
    assert await user.output("kubectl", "get deployments -o name") == ""


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("version --remote=false", "1.31"),
        ("version", "client version"),
        ("x precheck", "No issues found"),
        ("experimental config list", "FLAG"),
        ("analyze --list-analyzers", "Analyzer"),
    ],
)
@pytest.mark.usefixtures("definitions")
async def test_reading_commands_answer(user: User, command: str, names: str) -> None:
    assert names in await user.words("istioctl", command)


async def test_missing_control_plane_has_a_next_step(user: User) -> None:
    failed = await user.failure("istioctl", f"proxy-status -i {user.namespace}")
    assert "x precheck" in (failed.hint or ""), failed


async def test_dashboards_are_refused(user: User) -> None:
    assert "tunnel" in await user.refusal("istioctl", "dashboard kiali")


async def test_sidecar_would_be_injected(user: User) -> None:
    """Without a control plane there is nothing to inject, and it says so."""
    files = {"web.yaml": manifests.deployment()}
    failed = await user.failure("istioctl", f"kube-inject -f web.yaml -i {user.namespace}", files=files)
    assert failed.error
