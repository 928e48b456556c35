"""What a container may do, whom it reaches, and which secrets it sees."""

import json

import httpx
import pytest

from tests.containers.compose import Compose

SERVICES = ("redis", "gateway", "worker")


@pytest.mark.parametrize("service", SERVICES)
def test_container_may_write_nothing_and_has_no_privilege(installation: Compose, service: str) -> None:
    [container, *_] = installation.containers(service)
    host = json.loads(installation.inspect(container, "{{json .HostConfig}}"))
    status = installation.execute(service, "cat", "/proc/1/status")

    assert host["ReadonlyRootfs"]
    assert host["Memory"] > 0
    for line in ("NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"):
        assert line in status
    assert "Uid:\t0" not in status


def test_only_the_gateway_is_published_and_on_loopback_alone(installation: Compose) -> None:
    published = {
        service: json.loads(
            installation.inspect(installation.containers(service)[0], "{{json .HostConfig.PortBindings}}")
        )
        for service in SERVICES
    }

    assert [binding["HostIp"] for binding in published["gateway"]["9096/tcp"]] == ["127.0.0.1"]
    assert not published["redis"]
    assert not published["worker"]


def test_redis_sees_no_secret(installation: Compose) -> None:
    users = installation.execute("redis", "cat", "/users/users.acl")
    url = installation.execute("worker", "cat", "/secrets/redis-url")
    password = httpx.URL(url.strip()).password

    assert password
    assert password not in users
    assert "master-keys" not in installation.execute("redis", "ls", "-R", "/users", "/data")


def test_nobody_asks_redis_without_the_password(installation: Compose) -> None:
    answer = installation.execute("redis", "valkey-cli", "keys", "*")

    assert "NOAUTH" in answer


def test_health_checks_succeed(installation: Compose) -> None:
    installation.execute("gateway", "mcp-k8s", "probe")
    installation.execute("worker", "python", "-m", "worker.probes.announced")
    ping = ("valkey-cli", "--no-auth-warning", "--user", "probe", "--pass", "none", "ping")

    assert "PONG" in installation.execute("redis", *ping)


def test_worker_has_an_init_that_reaps(installation: Compose) -> None:
    assert installation.execute("worker", "cat", "/proc/1/comm").strip() == "tini"


def test_secrets_are_kept_when_they_are_there(installation: Compose) -> None:
    before = installation.execute("worker", "cat", "/secrets/master-keys", "/secrets/redis-url")

    installation.up()

    assert installation.execute("worker", "cat", "/secrets/master-keys", "/secrets/redis-url") == before
