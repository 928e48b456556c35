import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.network import endpoints
from shared.network.endpoints import Endpoint


def refusal(url: str, *, allow_loopback: bool) -> str | None:
    endpoint = endpoints.parse(url)
    assert endpoint is not None
    return endpoints.refusal(endpoint, allow_loopback=allow_loopback)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        pytest.param("https://k8s.example:6443", Endpoint("k8s.example", 6443), id="port"),
        pytest.param("https://k8s.example", Endpoint("k8s.example", 443), id="https-port"),
        pytest.param("http://k8s.example/", Endpoint("k8s.example", 80), id="http-port"),
        pytest.param("https://rancher.example/k8s/clusters/c-1", Endpoint("rancher.example", 443), id="path"),
        pytest.param("HTTPS://K8S.example.:6443", Endpoint("k8s.example", 6443), id="case-and-dot-at-the-end"),
        pytest.param("https://10.0.0.1:6443", Endpoint("10.0.0.1", 6443), id="ipv4"),
        pytest.param("https://[2001:DB8::1]:6443", Endpoint("2001:db8::1", 6443), id="ipv6"),
    ],
)
def test_url_of_a_server_is_host_and_port(url: str, endpoint: Endpoint) -> None:
    assert endpoints.parse(url) == endpoint


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="empty"),
        pytest.param("k8s.example:6443", id="no-scheme"),
        pytest.param("ftp://k8s.example", id="other-scheme"),
        pytest.param("https://", id="no-host"),
        pytest.param("https://.", id="only-a-dot"),
        pytest.param("https://user:password@k8s.example", id="userinfo"),
        pytest.param("https://k8s.example\\@evil.example", id="backslash"),
        pytest.param("https://k8s.example:0", id="port-zero"),
        pytest.param("https://k8s.example:65536", id="port-too-large"),
        pytest.param("https://k8s.example:", id="port-empty"),
        pytest.param("https://k8s.example?x", id="query"),
        pytest.param("https://k8s.example#x", id="fragment"),
        pytest.param("https://k8s.example\n", id="newline"),
        pytest.param("https://k8s .example", id="blank"),
        pytest.param("https://127%2e0.0.1", id="percent-in-host"),
        pytest.param("https://[fe80::1%25eth0]", id="zone"),
        pytest.param("https://[::1", id="bracket"),
        pytest.param("https://[dead]", id="no-ipv6"),
        pytest.param("https://①②⑦.0.0.1", id="unicode-digits"),
        pytest.param("https://k8s.example/" + "a" * 3000, id="long"),
    ],
)
def test_what_is_no_url_of_a_server_is_none(url: str) -> None:
    assert endpoints.parse(url) is None


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.169.254.",
        "169.254.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "[::]",
        "[fe80::1]",
        "[ff02::1]",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[2002:a9fe:a9fe::1]",
        "metadata.google.internal",
        "METADATA",
    ],
)
def test_address_that_no_cluster_has_is_always_refused(host: str) -> None:
    for allow_loopback in (False, True):
        assert "link-local" in (refusal(f"http://{host}", allow_loopback=allow_loopback) or "")


@pytest.mark.parametrize(
    "host",
    ["2852039166", "0xa9fea9fe", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "127.1", "2130706433", "0x7f.1", "0x"],
)
def test_unusual_spelling_of_an_address_is_always_refused(host: str) -> None:
    for allow_loopback in (False, True):
        assert "spelling" in (refusal(f"http://{host}", allow_loopback=allow_loopback) or "")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST.", "x.localhost"],
)
def test_loopback_is_taken_where_it_is_allowed(host: str) -> None:
    assert refusal(f"https://{host}:6443", allow_loopback=True) is None
    assert "mcp-k8s up" in (refusal(f"https://{host}:6443", allow_loopback=False) or "")


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "[fd12::1]",
        "k8s.example",
        "abc123",
        "1.example",
        "host.docker.internal",
    ],
)
def test_address_that_a_cluster_may_have_is_taken(host: str) -> None:
    assert refusal(f"https://{host}", allow_loopback=False) is None


@given(st.text())
def test_no_url_brings_the_judge_down(text: str) -> None:
    endpoint = endpoints.parse(f"https://{text}")
    assert endpoint is None or endpoint.host


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::1%lo", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("gateway", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert endpoints.is_loopback(host) is expected
