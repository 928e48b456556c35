"""A gateway and a worker for the whole session, which Prometheus scrapes where it is to be had."""

from collections.abc import Iterator

import pytest

from tests.integration.monitoring.scene import SETTINGS, Watched
from tests.support import processes
from tests.support.api_server import ApiServer
from tests.support.product import START_TIMEOUT_S, Product, free_port, is_serving
from tests.support.valkey import long_lived
from tests.support.waiting import wait_blocking

ANNOUNCED = '"worker announced"'


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    directory = tmp_path_factory.mktemp("watched")
    with ApiServer.long_lived() as api_server, long_lived() as valkey, Product(valkey.url, directory) as product:
        url, gateway = product.start_gateway(**SETTINGS)
        port = free_port()
        worker = product.start("worker", K8S_MCP_METRICS_PORT=str(port), **SETTINGS)
        processes.long_lived.update(process.pid for process in product.processes)
        wait_blocking(lambda: is_serving(url, gateway), timeout_s=START_TIMEOUT_S)
        wait_blocking(lambda: not worker.is_running or ANNOUNCED in worker.output(), timeout_s=START_TIMEOUT_S)
        assert worker.is_running, worker.output()
        yield Watched(product, url, f"http://127.0.0.1:{port}", api_server)
