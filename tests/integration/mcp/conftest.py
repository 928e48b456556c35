"""Gateways as MCP clients meet them: with a worker that runs the stub, for the whole session."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.end_to_end.system import ANNOUNCED, Gateway
from tests.integration.mcp import node
from tests.integration.mcp.node import Node
from tests.support import processes, stub
from tests.support.product import START_TIMEOUT_S, Product, free_port, is_serving
from tests.support.valkey import long_lived
from tests.support.waiting import wait_blocking

REFERENCE_GATEWAY = "tests.integration.mcp.reference_gateway"


@dataclass(frozen=True)
class Clients:
    """Gateways of one product, by how long they wait for a command; they lend a kubeconfig to who brings none."""

    patient: Gateway
    hasty: Gateway
    other_hasty: Gateway


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """No test stops or signals any of it."""
    directory = tmp_path_factory.mktemp("mcp")
    with long_lived() as valkey, Product(valkey.url, directory) as product:
        worker = product.start("worker")
        gateways = [_started(product, wait_s) for wait_s in ("30", "0", "0")]
        processes.long_lived.update(process.pid for process in product.processes)
        wait_blocking(lambda: ANNOUNCED in worker.output(), timeout_s=START_TIMEOUT_S)
        wait_blocking(lambda: all(is_serving(each.url, each.process) for each in gateways), timeout_s=START_TIMEOUT_S)
        yield Clients(*gateways)


def _started(product: Product, wait_s: str) -> Gateway:
    kubeconfig = product.directory / "kubeconfig"
    kubeconfig.write_text(stub.KUBECONFIG)
    port = free_port()
    process = product.launch(
        "gateway",
        [sys.executable, "-m", REFERENCE_GATEWAY],
        K8S_MCP_PORT=str(port),
        K8S_MCP_MCP_WAIT=wait_s,
        K8S_MCP_DEFAULT_KUBECONFIG_FILE=str(kubeconfig),
    )
    return Gateway(f"http://127.0.0.1:{port}", process)


@pytest.fixture(scope="session")
def node_clients() -> Node:
    return node.find()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of a client's own program."""
    path = tmp_path / "home"
    path.mkdir()
    return path
