"""Common charts live their whole life in `strict`, and inside a fence where they change nothing outside it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from shared.models import CommandResponse, FailureCode
from tests.e2e.clients import RestClient
from tests.e2e.user import User
from tests.integration.end_to_end.system import System, start
from tests.support import chart_objects as objects
from tests.support.common_charts import CHARTS, PASSWORD, CommonChart
from tests.support.control_plane import ControlPlane

FENCE = "t*"
"""The namespaces of scenarios."""
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CLUSTER_WIDE = (
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "/apis/apiregistration.k8s.io/v1/apiservices",
    "/apis/networking.k8s.io/v1/ingressclasses",
)
WORKLOADS = ("deployments", "statefulsets")
IN_ONE_NAMESPACE = "--set clusterWide=false"
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Release:
    """A chart's release, by the name of the scenario's namespace, in which it is."""

    user: User
    chart: CommonChart
    flags: str = ""

    @property
    def name(self) -> str:
        return self.user.namespace

    async def helm(self, verb: str, *words: str) -> CommandResponse:
        """However it ends."""
        command = " ".join((verb, self.name, *words))
        return await self.user.run("helm", command, files=self.chart.files)

    async def install(self) -> CommandResponse:
        return await self.helm("install", f"./{self.chart.name} --timeout {TIMEOUT_S}s", self.flags)

    async def upgrade(self, replicas: int) -> CommandResponse:
        return await self.helm("upgrade", f"./{self.chart.name} --set replicas={replicas}", self.flags)

    def replicas(self) -> set[int]:
        """The numbers that its workloads have."""
        found = (self._objects(f"/apis/apps/v1/namespaces/{self.name}/{kind}") for kind in WORKLOADS)
        return {each["spec"]["replicas"] for objects in found for each in objects}

    def password(self) -> str:
        """As it is stored; empty if the chart has none."""
        secrets = self._objects(f"/api/v1/namespaces/{self.name}/secrets")
        return "".join(each["data"].get(PASSWORD, "") for each in secrets)

    def cluster_wide(self) -> list[str]:
        """The paths of what it has outside its namespace, but for what it keeps."""
        return [f"{path}/{each['metadata']['name']}" for path in CLUSTER_WIDE for each in self._objects(path)]

    def _objects(self, path: str) -> Sequence[dict[str, Any]]:
        items: list[dict[str, Any]] = self.user.cluster.api.get(f"{path}?labelSelector=app%3D{self.name}")["items"]
        return items


@pytest.fixture(scope="module")
def fenced(system: System, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a gateway in `strict` with a fence."""
    rules = tmp_path_factory.mktemp("fence") / "rules.yaml"
    rules.write_text(yaml.safe_dump({"namespaces": [FENCE]}))
    return start(system.product, gateways=1, K8S_MCP_SECURITY_CONFIG=str(rules)).url


@pytest.fixture
def operator(system: System, cluster: ControlPlane, namespace: str) -> Iterator[User]:
    """The cluster's administrator, who uses gateways in `strict`. The definitions of the scenario go with it."""
    before = {each["metadata"]["name"] for each in cluster.api.get(DEFINITIONS)["items"]}
    urls = tuple(gateway.url for gateway in system.gateways)
    yield User(RestClient(urls), cluster, namespace, cluster.kubeconfig(namespace=namespace))
    after = {each["metadata"]["name"] for each in cluster.api.get(DEFINITIONS)["items"]}
    for name in after - before:
        cluster.api.send("DELETE", f"{DEFINITIONS}/{name}")


@pytest.fixture
def fenced_operator(operator: User, fenced: str) -> User:
    return User(RestClient((fenced,)), operator.cluster, operator.namespace, operator.kubeconfig)


def _each(charts: Iterable[CommonChart]) -> list[Any]:
    return [pytest.param(chart, id=chart.name) for chart in charts]


async def _lives(release: Release) -> None:
    """Installs it, changes it, takes the change back and removes it."""
    first = {1} if release.chart.has_workloads else set()
    installed = await release.install()
    assert installed.success, installed
    assert installed.changes
    password = release.password()
    assert (release.replicas(), bool(password)) == (first, release.chart.has_password)

    upgraded = await release.upgrade(replicas=2)
    assert upgraded.success, upgraded
    assert (release.replicas(), release.password()) == ({2} if first else set(), password)

    rolled_back = await release.helm("rollback", "1")
    assert rolled_back.success, rolled_back
    assert (release.replicas(), release.password()) == (first, password)

    uninstalled = await release.helm("uninstall")
    assert uninstalled.success, uninstalled
    assert (release.replicas(), release.password(), release.cluster_wide()) == (set(), "", [])


@pytest.mark.parametrize("chart", _each(CHARTS))
async def test_chart_lives_its_life_in_strict(operator: User, chart: CommonChart) -> None:
    await _lives(Release(operator, chart))


@pytest.mark.parametrize("chart", _each(chart for chart in CHARTS if chart.works_in_one_namespace))
async def test_chart_of_one_namespace_lives_its_life_inside_a_fence(fenced_operator: User, chart: CommonChart) -> None:
    await _lives(Release(fenced_operator, chart, IN_ONE_NAMESPACE))


@pytest.mark.parametrize("chart", _each(chart for chart in CHARTS if chart.cluster_wide))
async def test_chart_that_changes_the_cluster_is_refused_inside_a_fence_and_can_be_removed(
    fenced_operator: User, chart: CommonChart
) -> None:
    release = Release(fenced_operator, chart)

    refused = await release.install()

    assert not refused.success
    assert "the rule fence refuses it" in (refused.error or "")
    assert release.cluster_wide() == []
    # Some charts look up an object of another namespace before they change anything.
    if refused.changes:
        assert (refused.code, "refused" in refused.changes.summary) == (FailureCode.EFFECT_DENIED, True)
    if release.name in await fenced_operator.output("helm", "list -q"):
        removed = await release.helm("uninstall")
        assert removed.success, removed
    assert release.replicas() == set()


async def test_hook_does_not_delete_a_namespace_in_strict(operator: User) -> None:
    """Helm deletes what is there by the name of a hook, before it creates the hook."""
    other = f"{operator.namespace}-other"
    operator.cluster.api.create("/api/v1/namespaces", {"metadata": {"name": other}})
    chart = CommonChart("hooked", [objects.hook(objects.make("v1", "Namespace", other), "pre-install")])

    refused = await Release(operator, chart).install()

    assert (refused.success, refused.code) == (False, FailureCode.EFFECT_DENIED), refused
    assert "strict" in (refused.error or "")
    assert "deletionTimestamp" not in operator.cluster.api.get(f"/api/v1/namespaces/{other}")["metadata"]
