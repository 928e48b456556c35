"""Which Host and Origin are taken. DNS rebinding needs a name, so names are listed, and addresses are not."""

from pathlib import Path

import pytest
from starlette.datastructures import Headers

from gateway.http import hosts
from shared.errors import ErrorCode, RequestError
from shared.sealing.fernet_keys import MasterKeys
from shared.settings import GatewaySettings

ALLOWED = frozenset({"gateway.example.com", "mcp"})


def refusal(host: str | None, origin: str | None = None) -> ErrorCode | None:
    headers = {name: value for name, value in (("host", host), ("origin", origin)) if value is not None}
    try:
        hosts.check(Headers(headers), ALLOWED)
    except RequestError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:9096",
        "LOCALHOST:9096",
        "localhost.:9096",
        "127.0.0.1",
        "127.0.0.1:9096",
        "[::1]",
        "[::1]:9096",
        "10.244.0.7:9096",
        "192.168.1.20",
        "[fd00::7]:9096",
        "gateway.example.com",
        "gateway.example.com:443",
        "Gateway.Example.COM",
        "gateway.example.com.",
        "mcp:9096",
    ],
)
def test_own_host_is_taken(host: str) -> None:
    assert refusal(host) is None


@pytest.mark.parametrize(
    "host",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param(".", id="a dot"),
        pytest.param(":9096", id="a port alone"),
        "evil.example",
        "evil.example:9096",
        pytest.param("127.0.0.1.evil.example", id="rebinding name that starts like an address"),
        pytest.param("localhost.evil.example", id="rebinding name that starts like localhost"),
        pytest.param("gateway.example.com.evil.example", id="rebinding name that starts like a listed one"),
        pytest.param("evil-gateway.example.com", id="name that ends like a listed one"),
        pytest.param("sub.gateway.example.com", id="name below a listed one"),
        pytest.param("example.com", id="name above a listed one"),
        pytest.param("127-0-0-1.nip.io", id="name that resolves to loopback"),
        pytest.param("2130706433", id="address as one number"),
        pytest.param("0x7f000001", id="address in hexadecimal"),
        pytest.param("127.1", id="short address"),
        pytest.param("user@localhost", id="userinfo before localhost"),
        pytest.param("evil.example@127.0.0.1", id="userinfo that is a name"),
        pytest.param("127.0.0.1:9096@evil.example", id="userinfo that is an address"),
        pytest.param("evil.example#@localhost", id="fragment"),
        pytest.param("localhost/evil.example", id="path"),
        pytest.param("localhost\\@evil.example", id="backslash"),
        pytest.param("localhost evil.example", id="blank"),
        pytest.param("localhost,evil.example", id="list"),
        pytest.param("localhost:port", id="port that is none"),
        pytest.param("[::1", id="open bracket"),
        pytest.param("[localhost]", id="name in brackets"),
        pytest.param("::1", id="IPv6 without brackets"),
        pytest.param("l\xf6calhost", id="other letters"),
    ],
)
def test_foreign_host_is_refused(host: str | None) -> None:
    assert refusal(host) is ErrorCode.HOST_REFUSED


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:9096", "http://localhost:3000"),
        ("127.0.0.1:9096", "http://localhost:3000"),
        ("localhost:9096", "http://127.0.0.1:6274"),
        ("[::1]:9096", "http://[::1]:3000"),
        ("localhost:9096", "HTTP://LOCALHOST:3000"),
        ("127.0.0.1:9096", "https://gateway.example.com"),
        ("gateway.example.com", "https://gateway.example.com"),
        ("gateway.example.com", "https://GATEWAY.example.com.:8443"),
        ("10.244.0.7:9096", "https://gateway.example.com"),
    ],
)
def test_origin_of_this_place_is_taken(host: str, origin: str) -> None:
    assert refusal(host, origin) is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        pytest.param("localhost", "null", id="sandboxed frame or file"),
        pytest.param("localhost", "", id="empty"),
        pytest.param("localhost", "https://evil.example", id="foreign page"),
        pytest.param("127.0.0.1:9096", "http://203.0.113.5", id="page of a site without a name"),
        pytest.param("203.0.113.5:9096", "http://203.0.113.5", id="page of a site at this gateway's address"),
        pytest.param("10.244.0.7:9096", "http://localhost:3000", id="page on the caller's machine, gateway elsewhere"),
        pytest.param("gateway.example.com", "http://localhost:3000", id="page on the caller's machine, gateway listed"),
        pytest.param("localhost", "http://localhost.evil.example", id="name that starts like localhost"),
        pytest.param("localhost", "http://127.0.0.1.evil.example", id="name that starts like an address"),
        pytest.param("localhost", "http://localhost@evil.example", id="userinfo"),
        pytest.param("localhost", "http://evil.example@localhost", id="userinfo before localhost"),
        pytest.param("localhost", "localhost", id="no scheme"),
        pytest.param("localhost", "//localhost", id="scheme left out"),
        pytest.param("localhost", "file://localhost", id="scheme of files"),
        pytest.param("localhost", "chrome-extension://localhost", id="scheme of an extension"),
        pytest.param("localhost", "http://localhost https://evil.example", id="two origins"),
        pytest.param("localhost", "http://localhost/", id="more than an origin"),
    ],
)
def test_foreign_origin_is_refused(host: str, origin: str) -> None:
    assert refusal(host, origin) is ErrorCode.ORIGIN_REFUSED


def test_foreign_host_is_refused_whatever_the_origin() -> None:
    assert refusal("evil.example", "http://localhost:3000") is ErrorCode.HOST_REFUSED


def settings(**changes: object) -> GatewaySettings:
    return GatewaySettings.model_validate({"master_keys": MasterKeys.generate(), **changes})


@pytest.mark.parametrize(
    "server",
    [
        ("127.0.0.1", 9096),
        ("127.8.8.8", 80),
        ("::1", 9096),
        ("::ffff:127.0.0.1", 9096),
        ("/run/gateway.sock", None),
        None,
    ],
)
def test_connection_from_this_machine_is_served(server: tuple[str, int | None] | None, tmp_path: Path) -> None:
    hosts.check_exposure(server, settings())
    hosts.check_exposure(server, settings(default_kubeconfig_file=tmp_path))


@pytest.mark.parametrize("server", [("192.0.2.2", 9096), ("::ffff:192.0.2.2", 9096), ("2001:db8::1", 9096)])
def test_connection_from_another_machine_is_served_only_where_the_operator_says_so(
    server: tuple[str, int | None], tmp_path: Path
) -> None:
    hosts.check_exposure(server, settings(allow_anonymous=True))
    for refusing in (settings(), settings(allow_anonymous=True, default_kubeconfig_file=tmp_path)):
        with pytest.raises(RequestError) as refused:
            hosts.check_exposure(server, refusing)
        assert refused.value.code is ErrorCode.HOST_REFUSED
