"""The proxy's protocol and judgement, with real sockets and another project's client."""

import asyncio
import base64
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
import structlog
from python_socks import ProxyConnectionError, ProxyError
from python_socks.async_.asyncio import Proxy

from shared import metrics
from shared.models import JobId
from shared.network.endpoints import Address
from tests.support import egress
from tests.support.egress import Canary, Names
from tests.support.waiting import wait_until
from worker.egress import dialer as egress_dialer
from worker.egress import proxy as egress_proxy
from worker.egress import relay
from worker.egress.dialer import Dialer
from worker.egress.policy import DialDecision
from worker.egress.proxy import ProxyAccess

JOB_ID = JobId("0" * 48)
LIMIT_S = 20
REFUSED_BY_RULE, UNREACHABLE, UNRESOLVED, CONNECTION_REFUSED, TIMED_OUT = 2, 3, 4, 5, 6
PRIVATE = "127.0.0.9"
"""Stands for what a name must not lead to: these tests allow loopback, but for this address."""


@asynccontextmanager
async def admitted(made: Dialer) -> AsyncIterator[ProxyAccess]:
    async with asyncio.timeout(LIMIT_S), egress.proxy(made) as proxy, proxy.admit(JOB_ID) as access:
        yield access


@asynccontextmanager
async def connected(access: ProxyAccess, host: str, port: int) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    socket = await Proxy.from_url(access.url).connect(host, port, timeout=LIMIT_S)
    reader, writer = await asyncio.open_connection(sock=socket)
    try:
        yield reader, writer
    finally:
        writer.close()


async def echoed(access: ProxyAccess, host: str, port: int, data: bytes = b"hello") -> bytes:
    """What a canary behind the proxy sends back."""
    async with connected(access, host, port) as (reader, writer):
        writer.write(data)
        writer.write_eof()
        return await reader.read()


async def refusal(access: ProxyAccess, host: str, port: int) -> int | None:
    """The reply's code (RFC 1928, section 6)."""
    with pytest.raises(ProxyError) as caught:
        await Proxy.from_url(access.url).connect(host, port, timeout=LIMIT_S)
    return caught.value.error_code


@asynccontextmanager
async def raw(access: ProxyAccess) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", access.port)
    try:
        yield reader, writer
    finally:
        writer.close()


def credentials(access: ProxyAccess, password: str | None = None) -> bytes:
    """Greeting and sub-negotiation in one."""
    user, secret = access.user.encode(), (password or access.password).encode()
    return b"\5\1\2\1" + bytes((len(user),)) + user + bytes((len(secret),)) + secret


@pytest.fixture
async def server() -> AsyncIterator[Canary]:
    async with egress.canary() as found:
        yield found


@pytest.fixture
async def private() -> AsyncIterator[Canary]:
    async with egress.canary(PRIVATE) as found:
        yield found


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::ffff:127.0.0.1", "LOCALHOST."])
async def test_bytes_go_both_ways_to_the_end(server: Canary, host: str) -> None:
    data = bytes(range(256)) * 10_000
    async with admitted(egress.dialer()) as access:
        sending = asyncio.create_task(echoed(access, host, server.port, data), name="send")
        assert await sending == data


async def test_name_that_resolves_to_the_forbidden_is_not_dialled(private: Canary) -> None:
    names = Names(
        {"rebind.example": [[PRIVATE]], "metadata.example": [["169.254.169.254"]], "own.example": [[PRIVATE]]}
    )
    own = f"own.example:{private.port}"
    async with admitted(egress.dialer(names, deny=PRIVATE, own=own)) as access:
        assert await refusal(access, "rebind.example", private.port) == REFUSED_BY_RULE
        assert await refusal(access, "metadata.example", 80) == REFUSED_BY_RULE
    async with admitted(egress.dialer(names, own=own)) as access:
        assert await refusal(access, "rebind.example", private.port) == REFUSED_BY_RULE
    async with admitted(egress.dialer(names).with_loopback(False)) as access:
        assert await refusal(access, "rebind.example", private.port) == REFUSED_BY_RULE
    assert private.calls == 0


async def test_name_is_resolved_once_and_what_was_judged_is_dialled(server: Canary) -> None:
    """The second answer of a rebinding name would be the forbidden one: it is never asked for."""
    names = Names({"rebind.example": [["127.0.0.1"], [PRIVATE]]})
    async with admitted(egress.dialer(names, deny=PRIVATE)) as access:
        assert await echoed(access, "rebind.example", server.port) == b"hello"
        assert names.asked == ["rebind.example"]
        assert await refusal(access, "rebind.example", server.port) == REFUSED_BY_RULE
    assert server.calls == 1


async def test_only_the_permitted_addresses_of_a_name_are_dialled(server: Canary) -> None:
    async with egress.canary(PRIVATE) as private:
        names = Names({"both.example": [[PRIVATE, "127.0.0.1"]]})
        async with admitted(egress.dialer(names, deny=PRIVATE)) as access:
            assert await echoed(access, "both.example", server.port) == b"hello"
            assert await refusal(access, "both.example", private.port) == CONNECTION_REFUSED
        assert private.calls == 0


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.9",
        "::ffff:127.0.0.9",
        "::ffff:7f00:9",
        "2130706441",
        "0x7f000009",
        "0x7f.0.0.9",
        "0177.0.0.011",
        "127.9",
        "::127.0.0.9",
        "64:ff9b::7f00:9",
    ],
)
async def test_no_spelling_of_a_denied_address_gets_through(private: Canary, host: str) -> None:
    async with admitted(egress.dialer(deny=PRIVATE)) as access:
        assert await refusal(access, host, private.port) == REFUSED_BY_RULE
    async with admitted(egress.dialer(allow_loopback=False)) as access:
        assert await refusal(access, host, private.port) == REFUSED_BY_RULE
    assert private.calls == 0


async def test_failures_are_told_apart() -> None:
    names = Names({"nowhere.example": [[]]})
    async with egress.canary() as gone:
        pass
    async with admitted(egress.dialer(names)) as access:
        assert await refusal(access, "nowhere.example", 443) == UNRESOLVED
        assert await refusal(access, "127.0.0.1", gone.port) == CONNECTION_REFUSED


async def test_host_that_does_not_answer_in_time_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: str) -> Sequence[Address]:
        await asyncio.sleep(LIMIT_S)
        raise AssertionError

    monkeypatch.setattr(egress_dialer, "CONNECT_TIMEOUT_S", 0.05)
    async with admitted(replace(egress.dialer(), resolve=never)) as access:
        assert await refusal(access, "slow.example", 443) == TIMED_OUT


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"\4\1\0\x50\0\0\0\1\0", b""),
        (b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", b""),
        (b"\5\1\0", b"\5\xff"),
        (b"\5\0", b"\5\xff"),
        (b"\5\1\2\2\1x\1y", b"\5\2"),
        (b"\5\1\2\1\1x\1y", b"\5\2\1\1"),
        (b"\5\1\2\1\2\xff\xfe\1y", b"\5\2"),
    ],
    ids=["socks4", "http", "no-credentials", "no-methods", "other-version", "unknown-user", "no-text"],
)
async def test_client_that_does_not_prove_its_job_gets_nothing(sent: bytes, answer: bytes) -> None:
    async with admitted(egress.dialer()) as access, raw(access) as (reader, writer):
        writer.write(sent)
        assert await reader.read() == answer


async def test_wrong_password_and_that_of_an_ended_job_are_not_taken(server: Canary) -> None:
    async with asyncio.timeout(LIMIT_S), egress.proxy(egress.dialer()) as proxy:
        async with proxy.admit(JOB_ID) as access, raw(access) as (reader, writer):
            writer.write(credentials(access, "guess"))
            assert await reader.read() == b"\5\2\1\1"
        with pytest.raises(ProxyError):
            await Proxy.from_url(access.url).connect("127.0.0.1", server.port)
    assert server.calls == 0


@pytest.mark.parametrize(
    ("request_bytes", "reply"),
    [
        (b"\5\2\0\1\x7f\0\0\1\0\x50", 7),
        (b"\5\3\0\1\x7f\0\0\1\0\x50", 7),
        (b"\5\1\0\2", 8),
        (b"\5\1\0\3\0\0\x50", 4),
        (b"\5\1\0\3\1.\0\x50", 4),
        (b"\5\1\0\1\x7f\0\0\1\0\0", 4),
    ],
    ids=["bind", "udp", "address-type", "no-host", "dot", "no-port"],
)
async def test_request_that_is_not_served_is_answered_and_ends(request_bytes: bytes, reply: int) -> None:
    async with admitted(egress.dialer()) as access, raw(access) as (reader, writer):
        writer.write(credentials(access) + request_bytes)
        assert await reader.read() == b"\5\2\1\0" + bytes((5, reply)) + b"\0\1" + bytes(6)


async def test_reply_does_not_tell_the_workers_address(server: Canary) -> None:
    async with admitted(egress.dialer()) as access, raw(access) as (reader, writer):
        writer.write(credentials(access) + b"\5\1\0\1\x7f\0\0\1" + struct.pack("!H", server.port))
        assert await reader.readexactly(14) == b"\5\2\1\0\5\0\0\1" + bytes(6)


async def test_client_that_breaks_off_in_the_middle_leaves_nothing() -> None:
    async with asyncio.timeout(LIMIT_S), egress.proxy(egress.dialer()) as proxy, proxy.admit(JOB_ID) as access:
        whole = credentials(access) + b"\5\1\0\1\x7f\0\0\1\0\x50"
        for length in range(len(whole)):
            async with raw(access) as (reader, writer):
                writer.write(whole[:length])
                writer.write_eof()
                await reader.read()


async def test_end_of_a_job_cuts_its_connections_and_no_others(server: Canary) -> None:
    async with asyncio.timeout(LIMIT_S), egress.proxy(egress.dialer()) as proxy, AsyncExitStack() as jobs:
        staying = await jobs.enter_async_context(proxy.admit(JOB_ID))
        other, sending = await jobs.enter_async_context(connected(staying, "127.0.0.1", server.port))
        async with proxy.admit(JobId("1" * 48)) as ending:
            reader, _ = await jobs.enter_async_context(connected(ending, "127.0.0.1", server.port))
        assert await _end_of(reader) == b""
        sending.write(b"still here")
        assert await other.readexactly(10) == b"still here"


async def test_end_of_the_proxy_cuts_what_is_open_and_closes_the_port(server: Canary) -> None:
    async with asyncio.timeout(LIMIT_S), egress.proxy(egress.dialer()) as proxy, proxy.admit(JOB_ID) as access:
        async with raw(access) as (reader, _), connected(access, "127.0.0.1", server.port):
            await proxy.close()
            assert await _end_of(reader) == b""
        with pytest.raises(ProxyConnectionError):
            await Proxy.from_url(access.url).connect("127.0.0.1", server.port)


async def test_job_has_a_limit_of_connections(server: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress_proxy, "CONNECTIONS_PER_JOB", 1)
    async with admitted(egress.dialer()) as access:
        async with connected(access, "127.0.0.1", server.port):
            assert await refusal(access, "127.0.0.1", server.port) == 1
        await wait_until(lambda: _gets_through(access, server))


async def test_connection_on_which_nothing_is_said_is_cut(server: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "IDLE_TIMEOUT_S", 0.2)
    async with admitted(egress.dialer()) as access, connected(access, "127.0.0.1", server.port) as (reader, _):
        assert await _end_of(reader) == b""


async def test_client_that_says_nothing_at_first_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress_proxy, "HANDSHAKE_TIMEOUT_S", 0.2)
    async with admitted(egress.dialer()) as access, raw(access) as (reader, _):
        assert await _end_of(reader) == b""


async def test_operators_own_proxy_is_dialled_through_by_address(server: Canary) -> None:
    """Loopback is this machine's and not that proxy's: it is dialled here."""
    names = Names({"far.example": [["198.51.100.7"]], "metadata.example": [["169.254.169.254"]]})
    async with asyncio.timeout(LIMIT_S), egress.http_proxy(server) as (port, asked):
        made = egress.dialer(names, upstream_url=f"http://me:hunter2@127.0.0.1:{port}")
        async with admitted(made) as access:
            assert await echoed(access, "far.example", 6443) == b"hello"
            assert await echoed(access, "127.0.0.1", server.port) == b"hello"
            assert await refusal(access, "metadata.example", 80) == REFUSED_BY_RULE
    [head] = asked
    assert head.startswith(b"CONNECT 198.51.100.7:6443 HTTP/1.1\r\n")
    assert b"Basic " + base64.b64encode(b"me:hunter2") in head


async def test_upstream_that_refuses_is_no_way_out() -> None:
    async with egress.canary() as gone:
        pass
    made = egress.dialer(upstream_url=f"socks5://127.0.0.1:{gone.port}")
    async with admitted(made) as access:
        assert await refusal(access, "198.51.100.7", 443) == UNREACHABLE


async def test_each_connection_is_counted_and_logged_with_its_job(server: Canary) -> None:
    before = {decision: _count(decision) for decision in DialDecision}
    with structlog.testing.capture_logs() as logged:
        async with admitted(egress.dialer(deny="denied.example")) as access:
            await echoed(access, "127.0.0.1", server.port)
            await refusal(access, "denied.example", 443)

    lines = [(line["job_id"], line["host"], line["decision"]) for line in logged if line["event"] == "egress"]
    assert lines == [(JOB_ID, "127.0.0.1", DialDecision.ALLOWED), (JOB_ID, "denied.example", DialDecision.DENIED)]
    assert access.password not in str(logged)
    assert _count(DialDecision.ALLOWED) == before[DialDecision.ALLOWED] + 1
    assert _count(DialDecision.DENIED) == before[DialDecision.DENIED] + 1


def _count(decision: DialDecision) -> float:
    return metrics.WORKER.get_sample_value("mcp_k8s_egress_connections_total", {"decision": decision}) or 0


async def _gets_through(access: ProxyAccess, server: Canary) -> bool:
    try:
        return await echoed(access, "127.0.0.1", server.port) == b"hello"
    except ProxyError:
        return False


async def _end_of(reader: StreamReader) -> bytes:
    """What comes until the connection ends, in order or not."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


def test_credentials_stand_in_the_url_and_not_in_a_printed_object() -> None:
    access = ProxyAccess(1080, "user", "secret")
    assert access.url == "socks5://user:secret@127.0.0.1:1080"
    assert "secret" not in repr(access)
