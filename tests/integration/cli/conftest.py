from collections.abc import Iterator

import pytest

from tests.integration.cli.terminal import Terminal
from tests.support import processes
from tests.support.product import Process


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal() as terminal:
        yield terminal


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Terminal, Process, str]]:
    """One `up` for all tests that only look at it: its terminal, its process, its URL."""
    with Terminal() as terminal:
        process, url = terminal.up()
        processes.long_lived.add(process.pid)
        yield terminal, process, url
