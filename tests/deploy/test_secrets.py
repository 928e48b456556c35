"""What the chart makes at its first install, and that Redis takes it."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from shared.models import Lane
from shared.sealing.fernet_keys import MasterKeys
from shared.store import key_names
from tests.support import own_chart
from tests.support.own_chart import Rendered
from tests.support.valkey import Valkey, long_lived

KEDA_SCRIPT = """
if redis.call('type', KEYS[1]).ok == 'zset' then return redis.call('zcard', KEYS[1]) end
return redis.call('llen', KEYS[1])
"""
"""KEDA asks so too, for it takes lists and sorted sets: https://keda.sh/docs/latest/scalers/redis-lists/"""
PASSWORD = "redis-sentinel-password"
SECRET_KEYS = ("master-keys", "password", "keda-password", "redis-url")


@pytest.fixture(scope="module")
def installed() -> Rendered:
    return own_chart.render()


@pytest.fixture(scope="module")
def server(installed: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """Started with the options of the StatefulSet."""
    users = tmp_path_factory.mktemp("users") / "users.acl"
    users.write_text(installed.secret("redis")["users.acl"])
    words = installed.pod("redis")["containers"][0]["args"]
    options = dict(zip((word.removeprefix("--") for word in words[::2]), words[1::2], strict=True))
    del options["dir"]
    with long_lived({**options, "aclfile": str(users)}, user="probe") as valkey:
        yield valkey


def client(server: Valkey, user: str, password: str) -> Redis:
    return Redis.from_url(server.url, username=user, password=password)


def test_master_key_opens_what_it_sealed_and_differs_each_time(installed: Rendered) -> None:
    made = [chart.secret("keys")["master-keys"] for chart in (installed, own_chart.render())]

    assert len(set(made)) == 2
    for key in made:
        MasterKeys([key])


def test_secrets_stand_in_secrets_only(installed: Rendered) -> None:
    values = {**installed.secret("keys"), **installed.secret("redis")}
    others = str([manifest for manifest in installed.manifests if manifest["kind"] != "Secret"])

    assert not [name for name in SECRET_KEYS if values[name] in others]


def test_redis_sees_hashes_of_passwords_only(installed: Rendered) -> None:
    secret = installed.secret("redis")
    (users,) = [volume for volume in installed.pod("redis")["volumes"] if volume["name"] == "users"]

    assert [item["key"] for item in users["secret"]["items"]] == ["users.acl"]
    assert not [name for name in ("password", "keda-password") if secret[name] in secret["users.acl"]]


def test_url_opens_the_bundled_redis(installed: Rendered, server: Valkey) -> None:
    url = urlsplit(installed.secret("redis")["redis-url"])
    assert url.hostname == installed.one("Service", "redis")["metadata"]["name"]

    with client(server, "default", url.password or "") as redis:
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert redis.config_get("appendonly") == {"appendonly": "yes"}
        assert redis.flushall()


def test_wrong_password_opens_nothing(server: Valkey) -> None:
    with client(server, "default", "wrong") as redis, pytest.raises(AuthenticationError):
        redis.ping()


def test_user_of_probes_can_ping_and_nothing_else(installed: Rendered, server: Valkey) -> None:
    (container,) = installed.pod("redis")["containers"]
    words = container["readinessProbe"]["exec"]["command"]
    user, password = words[words.index("--user") + 1], words[words.index("--pass") + 1]

    with client(server, user, password) as redis:
        assert redis.ping()
        with pytest.raises(NoPermissionError):
            redis.get("key")


def test_user_of_keda_counts_jobs_and_does_nothing_else(installed: Rendered, server: Valkey) -> None:
    secret = installed.secret("redis")
    load = key_names.LOAD + Lane.SLOW
    with client(server, "default", secret["password"]) as redis:
        redis.zadd(load, {"first": 1, "second": 2})
        redis.set(f"{key_names.REQUEST}first", "sealed", ex=60)

    with client(server, secret["keda-username"], secret["keda-password"]) as redis:
        assert redis.eval(KEDA_SCRIPT, 1, load) == 2
        assert redis.eval(KEDA_SCRIPT, 1, key_names.LOAD + Lane.FAST) == 0
        for forbidden in (
            ("GET", f"{key_names.REQUEST}first"),
            ("ZRANGE", load, 0, -1),
            ("DEL", load),
            ("EVAL", "return redis.call('get', KEYS[1])", 1, f"{key_names.REQUEST}first"),
        ):
            with pytest.raises(NoPermissionError):
                redis.execute_command(*forbidden)


def test_external_secrets_are_used_and_none_is_made() -> None:
    values: Path = own_chart.CHART / "ci" / "external-values.yaml"
    chart = own_chart.render(values)
    volumes = {volume["name"]: volume for volume in chart.pod("worker")["volumes"]}

    assert not chart.of_kind("Secret")
    assert not chart.of_kind("StatefulSet")
    assert [source["secret"]["name"] for source in volumes["secrets"]["projected"]["sources"]] == [
        "our-keys",
        "our-redis",
    ]
    assert volumes["redis-ca"]["secret"]["secretName"] == "our-redis-ca"


def test_authority_of_an_external_redis_is_a_file_that_is_mounted() -> None:
    chart = own_chart.render(own_chart.CHART / "ci" / "external-values.yaml")
    mounts = {mount["name"]: mount["mountPath"] for mount in chart.pod("worker")["containers"][0]["volumeMounts"]}

    assert chart.environment("worker")["K8S_MCP_REDIS_CA_FILE"] == f"{mounts['redis-ca']}/ca.crt"


def test_password_of_the_sentinels_is_read_from_its_secret() -> None:
    chart = own_chart.render(own_chart.CHART / "ci" / "sentinel-values.yaml")
    for component in ("gateway", "worker"):
        volumes = {volume["name"]: volume for volume in chart.pod(component)["volumes"]}
        environment = chart.environment(component)

        assert {"name": "our-sentinels", "items": [{"key": PASSWORD, "path": PASSWORD}]} in [
            source["secret"] for source in volumes["secrets"]["projected"]["sources"]
        ]
        assert environment["K8S_MCP_REDIS_SENTINEL_PASSWORD_FILE"] == f"/secrets/{PASSWORD}"
        assert environment["K8S_MCP_REDIS_SENTINEL_USERNAME"] == "watcher"
        assert (
            "checksum/redis-sentinel"
            in chart.one("Deployment", component)["spec"]["template"]["metadata"]["annotations"]
        )


def test_egress_proxy_is_read_from_a_secret_by_workers_only() -> None:
    chart = own_chart.render(worker__egressProxySecret="our-proxy")
    for component, expected in (("worker", ["egress-proxy"]), ("gateway", [])):
        sources = next(volume for volume in chart.pod(component)["volumes"] if volume["name"] == "secrets")["projected"]
        assert [source["secret"]["items"][0]["path"] for source in sources["sources"][2:]] == expected

    assert chart.environment("worker")["K8S_MCP_EGRESS_PROXY_FILE"] == "/secrets/egress-proxy"


def test_redis_keeps_its_data_as_long_as_the_release() -> None:
    spec = own_chart.render().one("StatefulSet", "redis")["spec"]

    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Retain"}
    assert spec["volumeClaimTemplates"][0]["metadata"]["name"] == "data"
