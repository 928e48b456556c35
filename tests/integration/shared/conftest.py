from collections.abc import Iterator

import pytest

from tests.support.valkey import Valkey, long_lived


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """Without the company of a gateway, which would sweep what these tests let end."""
    with long_lived() as server:
        yield server
