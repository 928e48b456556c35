"""One scene for the whole session: starting it costs seconds."""

from collections.abc import Iterator

import pytest

from tests.security.scene import Scene
from tests.security.scene import scene as started
from tests.support.api_server import ApiServer
from tests.support.valkey import long_lived


@pytest.fixture(scope="session")
def _scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("scene")
    with long_lived() as valkey, ApiServer.long_lived() as api_server, started(valkey.url, directory, api_server) as it:
        yield it


@pytest.fixture
def scene(_scene: Scene) -> Scene:
    """With its canaries as new."""
    _scene.reset()
    return _scene
