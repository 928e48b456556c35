"""What the proxy judges: hosts as they are written, and addresses in all their spellings."""

import ipaddress
from functools import partial

import pytest

from tests.support import egress
from tests.support.egress import Names
from worker.egress.policy import DialDecision

METADATA = "169.254.169.254"


async def judged(
    address: str,
    *,
    port: int = 443,
    host: str = "",
    names: Names | None = None,
    allow: str = "",
    deny: str = "",
    own: str = "",
) -> str:
    policy = egress.dialer(names, allow_loopback=False, allow=allow, deny=deny, own=own).policy
    return await policy.judge_address(host or address, ipaddress.ip_address(address), port) or DialDecision.ALLOWED


@pytest.mark.parametrize(
    "address",
    [
        METADATA,
        "169.254.0.1",
        "0.0.0.0",
        "0.9.9.9",
        "224.0.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "::",
        "fe80::1",
        "ff02::1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        f"::ffff:{METADATA}",
        f"::{METADATA}",
        f"64:ff9b::{METADATA}",
        f"64:ff9b:1::{METADATA}",
        f"::ffff:0:{METADATA}",
        "2002:a9fe:a9fe::1",
        "2001:0:a9fe:a9fe::1",
        "fd00:c1::a9fe:a9fe",
        "fd00:a9fe:a9fe::1",
        "fd00:42::42",
        f"2001:db8::5efe:{METADATA}",
        f"2001:db8::200:5efe:{METADATA}",
        f"fd12::300:5efe:{METADATA}",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:a9:fe:a9fe::",
        "64:ff9b:1:0:a9:fea9:fe00:0",
    ],
)
async def test_address_that_no_server_of_a_caller_has_is_forbidden(address: str) -> None:
    assert await judged(address) == DialDecision.FORBIDDEN
    assert await judged(address, allow="0.0.0.0/0,::/0") == DialDecision.FORBIDDEN


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fd12::5efe:7f00:1"],
)
async def test_loopback_is_denied_unless_it_is_allowed(address: str) -> None:
    assert await judged(address) == DialDecision.LOOPBACK
    policy = egress.dialer(allow_loopback=True).policy
    assert await policy.judge_address(address, ipaddress.ip_address(address), 443) is None


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "fd12::1",
        "198.51.100.7",
        "fd00:42::1",
        "fd12::5efe:10.0.0.1",
    ],
)
async def test_address_that_a_cluster_may_have_is_allowed(address: str) -> None:
    assert await judged(address) == DialDecision.ALLOWED


@pytest.mark.parametrize(
    ("host", "decision"),
    [
        ("2852039166", DialDecision.SPELLING),
        ("0xa9fea9fe", DialDecision.SPELLING),
        ("0251.0376.0251.0376", DialDecision.SPELLING),
        ("0xa9.0xfe.0xa9.0xfe", DialDecision.SPELLING),
        ("127.1", DialDecision.SPELLING),
        ("fe80::1%eth0", DialDecision.SPELLING),
        ("metadata.google.internal", DialDecision.FORBIDDEN),
        (f"::ffff:{METADATA}", DialDecision.FORBIDDEN),
        ("localhost", DialDecision.LOOPBACK),
        ("x.localhost", DialDecision.LOOPBACK),
        ("denied.example", DialDecision.DENIED),
        ("k8s.example", None),
    ],
)
def test_host_is_judged_as_it_is_written(host: str, decision: DialDecision | None) -> None:
    policy = egress.dialer(allow_loopback=False, deny="denied.example").policy
    assert policy.judge_host(host) == decision


async def test_operators_lists_are_kept_and_denial_goes_first() -> None:
    judge = partial(judged, allow="10.0.0.0/8,*.example", deny="10.9.0.0/16")

    assert await judge("10.1.1.1") == DialDecision.ALLOWED
    assert await judge("198.51.100.7", host="k8s.example") == DialDecision.ALLOWED
    assert await judge("198.51.100.7", host="k8s.other") == DialDecision.NOT_ALLOWED
    assert await judge("10.9.1.1", host="k8s.example") == DialDecision.DENIED
    assert await judge("::ffff:10.9.1.1") == DialDecision.DENIED


@pytest.mark.parametrize("address", ["10.0.0.5", "::ffff:10.0.0.5", "64:ff9b::a00:5"])
async def test_own_service_is_denied_by_its_address_and_port(address: str) -> None:
    names = Names({"redis": [["10.0.0.4", "10.0.0.5"]]})

    assert await judged(address, port=6379, names=names, own="redis:6379") == DialDecision.OWN_SERVICE
    assert await judged(address, port=443, names=names, own="redis:6379") == DialDecision.ALLOWED
    assert await judged("10.0.0.6", port=6379, names=names, own="redis:6379") == DialDecision.ALLOWED


async def test_own_service_on_this_machine_is_denied_on_each_of_its_addresses() -> None:
    policy = egress.dialer(allow_loopback=True, own="0.0.0.0:6379,localhost:9096").policy

    for address, port in (("127.0.0.1", 6379), ("127.0.0.9", 6379), ("127.0.0.9", 9096), ("::ffff:127.0.0.1", 9096)):
        assert await policy.judge_address(address, ipaddress.ip_address(address), port) == DialDecision.OWN_SERVICE
    assert await policy.judge_address("", ipaddress.ip_address("192.0.2.1"), 6379) is None


async def test_own_service_whose_name_does_not_resolve_denies_its_port() -> None:
    names = Names({"redis": [[]]})

    assert await judged("10.0.0.5", port=6379, names=names, own="redis:6379") == DialDecision.OWN_SERVICE
