"""compose.yaml with three servers and three sentinels: the primary ends, another takes over, and it comes back."""

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest

from tests.containers import compose
from tests.containers.compose import Compose
from tests.support.product import free_port
from tests.support.waiting import wait_blocking

FILES = ("compose.yaml", "deploy/compose/sentinel.yaml")
SERVERS = ("redis", "redis-2", "redis-3")
SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")
START_TIMEOUT_S = 90.0
FAILOVER_TIMEOUT_S = 60.0


@pytest.fixture
def watched() -> Iterator[Compose]:
    """A gateway, servers and sentinels; no worker, which this does not need."""
    try:
        engine = compose.find(free_port())
    except compose.ComposeMissingError as missing:
        pytest.skip(str(missing))
    found = Compose(engine.engine, engine.command, engine.port, FILES, project=f"{compose.PROJECT_NAME}-sentinel")
    found.down()  # what an interrupted run has left
    try:
        found("up", "--detach", "--no-build", "secrets", *SERVERS, *SENTINELS, "gateway")
        found.pin_bridges(("store", "front"))
        yield found
    finally:
        found.down()


def status(installation: Compose) -> dict[str, Any] | None:
    """What `mcp-k8s status` says in the gateway's container, if it can say anything."""
    with suppress(AssertionError):  # its exit code says that there are warnings, too
        installation.execute("gateway", "sh", "-c", "mcp-k8s status --json > /tmp/status; test $? = 3 -o $? = 0")
        found: dict[str, Any] = json.loads(installation.execute("gateway", "cat", "/tmp/status"))
        return found
    return None


def primary(installation: Compose) -> str | None:
    """The service of the primary, if every sentinel and replica is there for a failover."""
    found = status(installation)
    if found is None or any("entinel" in warning for warning in found["warnings"]):
        return None
    name, _, _ = str(found["redis"]["address"]).rpartition("primary ")[2].partition(":")
    return name if name in SERVERS else None


def is_ready(installation: Compose) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{installation.url}/readyz", timeout=5).status_code == httpx.codes.OK
    return False


def test_gateway_follows_the_primary_when_it_ends_and_when_it_comes_back(watched: Compose) -> None:
    wait_blocking(partial(is_ready, watched), timeout_s=START_TIMEOUT_S)
    wait_blocking(partial(primary, watched), timeout_s=START_TIMEOUT_S)
    first = primary(watched)
    assert first is not None
    watched("stop", "--timeout", "0", first)

    def has_moved() -> bool:
        found = status(watched)
        return found is not None and f"primary {first}:" not in str(found["redis"])

    wait_blocking(has_moved, timeout_s=FAILOVER_TIMEOUT_S)
    wait_blocking(partial(is_ready, watched), timeout_s=FAILOVER_TIMEOUT_S)

    watched("start", first)
    wait_blocking(partial(primary, watched), timeout_s=FAILOVER_TIMEOUT_S)
    assert primary(watched) != first
