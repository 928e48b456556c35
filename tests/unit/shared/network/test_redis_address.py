"""What a URL of Redis may be, what of it is shown, and what connections are given."""

from pathlib import Path

import pytest
from redis.asyncio.connection import SSLConnection

from shared.network import redis_address
from shared.network.endpoints import Endpoint

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://me:{SECRET}@redis.test:6380/1", "redis://redis.test:6380/1"),
        (f"rediss://[::1]/0?password={SECRET}", "rediss://[::1]/0"),
        (f"unix:///run/redis.sock?password={SECRET}", "unix:///run/redis.sock"),
        (
            f"redis+sentinel://me:{SECRET}@a,[::1]:1/jobs/3?client_name={SECRET}",
            "redis+sentinel://a:26379,[::1]:1/jobs/3",
        ),
        (f"rediss+sentinel://:{SECRET}@A.test/jobs", "rediss+sentinel://a.test:26379/jobs/0"),
    ],
    ids=["user and password", "query", "socket", "sentinels", "no database"],
)
def test_shown_address_has_no_secret(url: str, shown: str) -> None:
    address = redis_address.parse(url, sentinel_password=SECRET)

    assert address.name == shown
    assert SECRET not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        f"http://{SECRET}",
        f"redis://:{SECRET}/x@redis.test:6379",
        f"redis://user:12/{SECRET}@redis.test",
        f"redis://127.0.0.1:1/0?{SECRET}=1",
        f"redis://127.0.0.1:{SECRET}/0",
        f"redis+sentinel://{SECRET}",
        f"redis+sentinel://{SECRET}/",
        f"redis+sentinel://a,,{SECRET}/jobs",
        f"redis+sentinel://a:0,{SECRET}/jobs",
        f"redis+sentinel://a:65536,{SECRET}/jobs",
        f"redis+sentinel://fd12::1,{SECRET}/jobs",
        f"redis+sentinel://[fd12::x],{SECRET}/jobs",
        f"redis+sentinel://[1:2],{SECRET}/jobs",
        f"redis+sentinel://a/jobs/{SECRET}",
        f"redis+sentinel://a/jobs/0/{SECRET}",
        f"redis+sentinel://a/jobs?{SECRET}=1",
        f"redis+sentinel://:pass/{SECRET}@a/jobs",
        f"redis+sentinel://a/jobs#{SECRET}",
        f"unix+sentinel://{SECRET}/jobs",
    ],
)
def test_url_that_cannot_be_used_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|has|cannot)") as refusal:
        redis_address.parse(url)

    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert "\n" not in str(refusal.value)


def test_servers_and_sentinels_have_accounts_of_their_own() -> None:
    address = redis_address.parse(
        "redis+sentinel://app:p%40ss%2Fword@a,b:26380,[FD12::1]/jobs.1/2",
        sentinel_username="watcher",
        sentinel_password="other",
    )

    assert address.sentinels == (Endpoint("a", 26379), Endpoint("b", 26380), Endpoint("fd12::1", 26379))
    assert address.service == "jobs.1"
    assert dict(address.options) == {"username": "app", "password": "p@ss/word", "db": 2}
    assert dict(address.sentinel_options) == {"username": "watcher", "password": "other", "ssl": False}
    assert address.server is None


def test_tls_holds_for_servers_and_sentinels() -> None:
    address = redis_address.parse("rediss+sentinel://a/jobs?ssl_check_hostname=true", ca_file=Path("/ca.crt"))

    assert address.options["connection_class"] is SSLConnection
    of_tls = {"ssl_ca_certs": "/ca.crt", "ssl_check_hostname": True}
    assert of_tls.items() <= address.options.items()
    assert {**of_tls, "ssl": True}.items() <= address.sentinel_options.items()


def test_authority_in_the_url_wins_over_that_of_the_settings() -> None:
    address = redis_address.parse("rediss://a?ssl_ca_certs=/mine", ca_file=Path("/ca.crt"))

    assert address.options["ssl_ca_certs"] == "/mine"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("redis://redis.test", Endpoint("redis.test", 6379)),
        ("rediss://[fd12::1]:6380", Endpoint("fd12::1", 6380)),
        ("redis://", Endpoint("localhost", 6379)),
        ("unix:///run/redis.sock", None),
    ],
)
def test_place_of_a_single_server_is_known(url: str, server: Endpoint | None) -> None:
    assert redis_address.parse(url).server == server
