"""What the pages for users assume: a cluster, and the product on this machine."""

from collections.abc import Iterator

import pytest

from tests.integration.cli.terminal import Terminal
from tests.support import processes
from tests.support.api_server import ApiServer


@pytest.fixture(scope="module")
def api_server() -> Iterator[ApiServer]:
    with ApiServer.long_lived() as server:
        yield server


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Terminal() as terminal:
        process, url = terminal.up()
        processes.long_lived.add(process.pid)
        yield url
