"""One installation of compose.yaml for all tests here, and a cluster that its workers can reach."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import yaml

from tests.containers import compose
from tests.containers.compose import Compose, ComposeMissingError
from tests.support.api_server import ApiServer
from tests.support.caller import Caller, caller_of
from tests.support.product import free_port
from tests.support.round_robin import one_address
from tests.support.waiting import wait_blocking

HERE = Path(__file__).parent
TIMEOUT_S = 300
START_TIMEOUT_S = 90.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session", autouse=True)
def _orphans_are_seen() -> None:
    """They are podman's, one a container, and not ours."""


@pytest.fixture(scope="session")
def installation() -> Iterator[Compose]:
    """Running, with one worker at first."""
    try:
        found = compose.find(free_port())
    except ComposeMissingError as missing:
        pytest.skip(str(missing))
    found.down()  # what an interrupted run has left
    try:
        found.up()
        found.pin_bridges()
        scale(found, 1)
        yield found
    finally:
        found.down()


@pytest.fixture(scope="session")
def cluster() -> Iterator[ApiServer]:
    with ApiServer.long_lived() as server:
        yield server


@pytest.fixture
async def kubeconfig(installation: Compose, cluster: ApiServer) -> AsyncIterator[str]:
    """The cluster's, by an address at which containers find this machine."""
    async with one_address([cluster.url], installation.gateway_address_of("clusters")) as url:
        document = yaml.safe_load(cluster.kubeconfig(url=url.replace("http:", "https:")))
        document["clusters"][0]["cluster"]["tls-server-name"] = "localhost"
        yield yaml.safe_dump(document)


@pytest.fixture
async def caller(installation: Compose, kubeconfig: str) -> AsyncIterator[Caller]:
    async with caller_of(installation.url, kubeconfig) as client:
        yield client


def scale(installation: Compose, workers: int) -> None:
    """Waits until so many workers have announced themselves."""
    installation.up(workers)
    try:
        wait_blocking(lambda: announced(installation) == workers, timeout_s=START_TIMEOUT_S)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{installation.logs()}") from error
    settle(installation)


def settle(installation: Compose) -> None:
    """Waits until gateway and workers find Redis by its name, which takes a while where bridges are not pinned."""
    for container in (*installation.containers("gateway"), *installation.containers("worker")):
        found = partial(installation.can_connect, container, "redis", 6379)
        wait_blocking(found, timeout_s=START_TIMEOUT_S)


def announced(installation: Compose) -> int:
    """How many workers with kubectl the gateway knows; -1 while it does not answer."""
    try:
        answer = httpx.get(f"{installation.url}/tools/status", timeout=5)
    except httpx.TransportError:
        return -1
    return int(answer.json()["kubectl"]["workers"]) if answer.status_code == httpx.codes.OK else -1
