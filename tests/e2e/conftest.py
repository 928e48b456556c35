"""Real clusters, and the product with all four CLIs, for the whole session: starting them costs seconds."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.tools import registry
from tests.e2e import manifests
from tests.e2e.clients import CLIENTS, Client
from tests.e2e.seen_and_done import Comparison
from tests.e2e.session import running
from tests.e2e.user import User
from tests.integration.end_to_end.system import System, start
from tests.support import e2e_tools
from tests.support.argo_cd import ArgoCd
from tests.support.chart_server import ChartServer
from tests.support.control_plane import ControlPlane
from tests.support.e2e_tools import E2eTools, ToolsMissingError
from tests.support.product import Product
from tests.support.request_notes import RequestNotes
from tests.support.valkey import APPEND_ONLY, Valkey, long_lived

HERE = Path(__file__).parent
SCENARIO_TIMEOUT_S = 180
"""The first scenario waits for the clusters to start too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(SCENARIO_TIMEOUT_S))


@pytest.fixture(scope="session")
def tools() -> E2eTools:
    """Skips what asks for them where they are missing."""
    try:
        return e2e_tools.find()
    except ToolsMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def cluster(tools: E2eTools) -> Iterator[ControlPlane]:
    with running(ControlPlane(tools)) as control_plane:
        yield control_plane


@pytest.fixture(scope="session")
def second_cluster(tools: E2eTools, cluster: ControlPlane) -> Iterator[ControlPlane]:
    """An API server of its own, with a CA, users and objects of its own."""
    with running(ControlPlane(tools, etcd_url=cluster.etcd_url)) as control_plane:
        yield control_plane


@pytest.fixture(scope="session")
def spdy_cluster(tools: E2eTools, cluster: ControlPlane) -> Iterator[ControlPlane]:
    """The same cluster through an API server without WebSockets for streams, as older ones are: clients take SPDY."""
    gates = {"TranslateStreamCloseWebsocketRequests": False, "PortForwardWebsockets": False}
    with running(ControlPlane(tools, replica_of=cluster, feature_gates=gates)) as control_plane:
        yield control_plane


@pytest.fixture(scope="session")
def argo_cd(tools: E2eTools, cluster: ControlPlane) -> Iterator[ArgoCd]:
    with running(ArgoCd(tools, cluster)) as installation:
        yield installation


@pytest.fixture(scope="session")
def chart_server(cluster: ControlPlane) -> Iterator[ChartServer]:
    with ChartServer(cluster.port, name="web", files=manifests.CHART) as server:
        yield server


@pytest.fixture(scope="session")
def cli_directory(tools: E2eTools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a worker image has: the four CLIs."""
    return tools.link(registry.names(), tmp_path_factory.mktemp("clis") / "bin")


@pytest.fixture(autouse=True)
def _door_sees_what_api_servers_do(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compares the requests and changes of each test that uses the product on a real cluster with the audit logs."""
    sources = []
    if "system" in request.fixturenames:
        sources.append(request.getfixturevalue("system_notes"))
    if "own_product" in request.fixturenames:
        sources.append(RequestNotes(request.getfixturevalue("own_product")))
    comparison = Comparison(sources)
    yield
    if sources and "cluster" in request.fixturenames:
        comparison.check()


@pytest.fixture(scope="session")
def system_notes(system: System) -> RequestNotes:
    return RequestNotes(system.product)


@pytest.fixture(scope="session")
def system(cli_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Two gateways and two workers, which no scenario stops."""
    directory = tmp_path_factory.mktemp("system")
    settings = {"K8S_MCP_TOOLS_DIRECTORY": str(cli_directory), "K8S_MCP_OBSERVE_REQUESTS": "true"}
    with (
        long_lived(APPEND_ONLY) as valkey,
        Product(valkey.url, directory, entry="cli.main", settings=settings) as product,
    ):
        yield start(product, gateways=2, workers=2)


@pytest.fixture
def own_product(cli_directory: Path, tmp_path: Path, own_valkey: Valkey) -> Iterator[Product]:
    """A product for one test alone, whose processes and Redis may be stopped and killed."""
    settings = {"K8S_MCP_TOOLS_DIRECTORY": str(cli_directory), "K8S_MCP_OBSERVE_REQUESTS": "true"}
    with Product(own_valkey.url, tmp_path, entry="cli.main", settings=settings) as product:
        yield product


@pytest.fixture(params=list(CLIENTS))
def client(request: pytest.FixtureRequest, system: System) -> Client:
    """Every scenario runs once through REST and once through MCP."""
    made: Client = CLIENTS[request.param](tuple(gateway.url for gateway in system.gateways))
    return made


@pytest.fixture
def namespace(cluster: ControlPlane) -> str:
    """A new one for each scenario; they all go with the cluster."""
    name = f"t{uuid.uuid4().hex[:8]}"
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture
def user(client: Client, cluster: ControlPlane, namespace: str) -> User:
    """The cluster's administrator."""
    return User(client, cluster, namespace, cluster.kubeconfig(namespace=namespace))
