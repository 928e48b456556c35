"""Where the services of our own are, to which the proxy leads nobody."""

import pytest

from shared.network import redis_address
from shared.network.endpoints import Endpoint
from worker.egress import own_services


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("redis://:hunter2@redis.example", (Endpoint("redis.example", 6379),)),
        ("rediss://[fd12::1]:6380/1", (Endpoint("fd12::1", 6380),)),
        ("unix:///run/valkey.sock?db=0", ()),
        ("redis+sentinel://:hunter2@s1,[fd12::2]:26380/jobs", (Endpoint("s1", 26379), Endpoint("fd12::2", 26380))),
    ],
)
def test_redis_is_a_service_of_our_own(url: str, places: tuple[Endpoint, ...]) -> None:
    assert own_services.places(redis_address.parse(url), "gateway:9096") == (*places, Endpoint("gateway", 9096))


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("http://collector:4318/v1/traces", (Endpoint("collector", 4318),)),
        ("https://otlp.example", (Endpoint("otlp.example", 443),)),
        ("", ()),
        ("collector:4318", ()),
        ("http://collector:x", ()),
        ("http://[", ()),
    ],
)
def test_collector_of_traces_is_a_service_of_our_own(url: str, places: tuple[Endpoint, ...]) -> None:
    assert own_services.collector(url) == places
