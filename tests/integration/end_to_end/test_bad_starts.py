"""What a gateway or worker says when it cannot serve: one clear line and an exit code, or a readiness that fails."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from tests.support.product import Process, Product, free_port, is_serving
from tests.support.sentinel import cluster
from tests.support.sentinel.plan import Account, Plan
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

SECRET = "hunter2"
REFUSED = "Redis rejects the user or password in K8S_MCP_REDIS_URL"


@pytest.fixture
async def product(tmp_path: Path) -> AsyncIterator[Product]:
    with Product(f"redis://:{SECRET}@127.0.0.1:{free_port()}/0", tmp_path) as product:
        yield product


async def end_of(process: Process) -> tuple[int, list[str]]:
    """Exit code, and what it said besides its log."""
    await wait_until(lambda: not process.is_running, timeout_s=60)
    code = process.stop()
    return code, [line for line in process.output().splitlines() if not line.startswith("{")]


def reasons(process: Process) -> list[str]:
    """Why it says that it has no Redis."""
    logged = [json.loads(line) for line in process.output().splitlines() if line.startswith("{")]
    return [line["reason"] for line in logged if line["event"] == "redis unreachable"]


async def readiness(url: str) -> int:
    async with httpx.AsyncClient(timeout=60) as client:
        return (await client.get(f"{url}/readyz")).status_code


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"K8S_MCP_MASTER_KEYS": ""}, "K8S_MCP_MASTER_KEYS is not set; make one with: mcp-k8s key generate"),
        ({"K8S_MCP_MASTER_KEYS": SECRET}, "K8S_MCP_MASTER_KEYS contains something that is not a key"),
        ({"K8S_MCP_MASTER_KEYS": "", "K8S_MCP_MASTER_KEYS_FILE": "/nowhere"}, "K8S_MCP_MASTER_KEYS_FILE: No such file"),
        ({"K8S_MCP_REDIS_URL": f"http://{SECRET}"}, "K8S_MCP_REDIS_URL must start with redis://"),
        ({"K8S_MCP_REDIS_URL": f"redis+sentinel://{SECRET}"}, "K8S_MCP_REDIS_URL must look like redis+sentinel://"),
        ({"K8S_MCP_REDIS_CA_FILE": f"/nowhere/{SECRET}"}, "K8S_MCP_REDIS_CA_FILE names a file that cannot be read"),
        ({"K8S_MCP_REDIS_CA_FILE": __file__}, "K8S_MCP_REDIS_CA_FILE names a file that holds no certificate"),
        ({"K8S_MCP_MAX_OUTPUT": SECRET}, "K8S_MCP_MAX_OUTPUT Input should be a valid integer"),
    ],
    ids=["no key", "no such key", "no key file", "no Redis URL", "no service", "no CA file", "no CA", "no number"],
)
@pytest.mark.parametrize("part", ["gateway", "worker"])
async def test_wrong_setting_ends_it_with_its_name(
    product: Product, part: str, settings: dict[str, str], reason: str
) -> None:
    code, said = await end_of(product.start(part, **settings))

    assert (code, len(said)) == (78, 1), said
    assert said[0].startswith(reason)
    assert SECRET not in said[0]


@pytest.mark.parametrize("part", ["gateway", "worker"])
async def test_redis_url_with_an_unknown_option_is_refused(product: Product, part: str) -> None:
    process = product.start(part, K8S_MCP_REDIS_URL=f"redis://127.0.0.1:1/0?{SECRET}=1")

    code, said = await end_of(process)

    assert (code, len(said)) == (78, 1), said
    assert said[0].startswith("K8S_MCP_REDIS_URL ")
    assert SECRET not in process.output()


async def test_worker_without_clis_says_what_to_do(product: Product, tmp_path: Path) -> None:
    process = product.start("worker", PATH=str(tmp_path), K8S_MCP_TOOLS_DIRECTORY=str(tmp_path))

    code, said = await end_of(process)

    assert (code, said) == (1, ["no usable CLI on this machine; run `mcp-k8s doctor` to see what to install"])


async def test_worker_that_can_write_nowhere_says_so(product: Product) -> None:
    """/proc takes no new directory, not even root's."""
    code, said = await end_of(product.start("worker", K8S_MCP_WORK_DIRECTORY="/proc"))

    assert (code, len(said)) == (1, 1), said
    assert said[0].startswith("cannot create a directory in /proc (")
    assert said[0].endswith("set K8S_MCP_WORK_DIRECTORY to another folder")


async def test_port_that_is_taken_ends_the_gateway(product: Product) -> None:
    url, first = product.start_gateway()
    await wait_until(lambda: is_serving(url, first), timeout_s=60)

    code, said = await end_of(product.start("gateway", K8S_MCP_PORT=url.rpartition(":")[2]))

    assert (code, len(said)) == (1, 1), said
    assert "Address already in use" in said[0]
    assert said[0].endswith("; set another host or port with K8S_MCP_HOST and K8S_MCP_PORT")


async def test_without_redis_nobody_is_ready_and_each_says_why(product: Product) -> None:
    url, gateway = product.start_gateway()
    worker = product.start("worker")
    await wait_until(lambda: is_serving(url, gateway), timeout_s=60)
    for process in (gateway, worker):
        await wait_until(partial(reasons, process), timeout_s=60)
        assert reasons(process)[0].startswith("Redis cannot be used: Error 111 connecting to 127.0.0.1:")
        assert process.is_running
        assert SECRET not in process.output()

    assert await readiness(url) == 503


async def nobody_is_ready_and_each_says(told: str, product: Product) -> None:
    """Gateway and worker run on, say nothing else, and show no secret."""
    url, gateway = product.start_gateway()
    worker = product.start("worker")
    await wait_until(lambda: is_serving(url, gateway), timeout_s=60)
    for process in (gateway, worker):
        await wait_until(partial(reasons, process), timeout_s=60)
        assert set(reasons(process)) == {told}
        assert process.is_running
        assert SECRET not in process.output()
    assert await readiness(url) == 503


@pytest.mark.parametrize("password", ["", f"?password={SECRET}"], ids=["none", "wrong"])
async def test_with_another_password_nobody_is_ready_and_each_says_why(
    product: Product, own_valkey: Valkey, password: str
) -> None:
    async with Redis.from_url(own_valkey.url) as redis:
        await redis.config_set("requirepass", "right")
    product.redis_url = f"{own_valkey.url}{password}"

    await nobody_is_ready_and_each_says(REFUSED, product)


@pytest.fixture
def cluster_mode(tmp_path: Path) -> Iterator[Valkey]:
    """A server in cluster mode, which tests start."""
    ports = {"port": str(free_port()), "cluster-port": str(free_port()), "bind": "127.0.0.1"}
    server = Valkey({"cluster-enabled": "yes", "cluster-config-file": str(tmp_path / "nodes.conf"), **ports})
    with contextlib.ExitStack() as stack:
        stack.push(server.__exit__)
        yield server


@pytest.mark.parametrize("part", ["gateway", "worker"])
async def test_server_that_is_not_supported_ends_the_start(product: Product, part: str, cluster_mode: Valkey) -> None:
    cluster_mode.start()

    code, said = await end_of(product.start(part, K8S_MCP_REDIS_URL=cluster_mode.url))

    assert (code, len(said)) == (78, 1), said
    assert said[0].startswith("K8S_MCP_REDIS_URL leads to a server in cluster mode, ")


async def test_server_that_is_not_supported_is_found_out_when_it_is_reached(
    product: Product, cluster_mode: Valkey
) -> None:
    product.redis_url = cluster_mode.url
    url, gateway = product.start_gateway()
    worker = product.start("worker")
    await wait_until(lambda: is_serving(url, gateway), timeout_s=60)
    for process in (gateway, worker):
        await wait_until(partial(reasons, process), timeout_s=60)
    cluster_mode.start()

    code, said = await end_of(worker)
    assert (code, len(said)) == (78, 1), said
    await wait_until(lambda: "in cluster mode" in gateway.output(), timeout_s=60)
    assert gateway.is_running
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.get(f"{url}/readyz")
    assert (answer.status_code, "in cluster mode" in answer.json()["detail"]) == (503, True)


@pytest.mark.parametrize(
    ("service", "password", "told"),
    [
        ("other", "right", 'Redis cannot be used: no Sentinel knows the service "other" that K8S_MCP_REDIS_URL names'),
        (
            "jobs",
            SECRET,
            "Redis cannot be used: Sentinel rejects the user or password in K8S_MCP_REDIS_SENTINEL_USERNAME and "
            "K8S_MCP_REDIS_SENTINEL_PASSWORD",
        ),
    ],
    ids=["service", "password"],
)
async def test_sentinel_that_does_not_help_is_told_and_nobody_is_ready(
    product: Product, service: str, password: str, told: str
) -> None:
    async with cluster.running(Plan(servers=1, sentinels=1, sentinel_account=Account("right"))) as running:
        product.redis_url = running.url.replace("/jobs/", f"/{service}/")
        product.settings["K8S_MCP_REDIS_SENTINEL_PASSWORD"] = password

        await nobody_is_ready_and_each_says(told, product)
