"""How a command is told of the proxy, and where it may connect without it."""

import pytest

from shared.network.endpoints import Endpoint
from shared.tools import registry
from worker.egress import access, own_services
from worker.egress.access import ProxyAccess

ACCESS = ProxyAccess(1080, "user", "secret")
TOOLS = {tool.name: tool for tool in registry.tools()}


def test_credentials_stand_in_the_url_and_not_in_a_printed_object() -> None:
    assert ACCESS.url == "socks5://user:secret@127.0.0.1:1080"
    assert "secret" not in repr(ACCESS)


@pytest.mark.parametrize(
    ("tool", "command", "names"),
    [
        ("kubectl", "get pods", {"HTTPS_PROXY", "HTTP_PROXY"}),
        ("argocd", "app list", {"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"}),
        ("argocd", "app list --grpc-web", {"HTTPS_PROXY", "HTTP_PROXY"}),
        ("argocd", "app list --core", {"HTTPS_PROXY", "HTTP_PROXY"}),
        ("argocd", "app list --grpc-web-root-path=/argo", {"HTTPS_PROXY", "HTTP_PROXY"}),
    ],
)
def test_each_cli_gets_the_variables_that_it_reads(tool: str, command: str, names: set[str]) -> None:
    variables = access.variables(TOOLS[tool], command.split(), ACCESS)
    assert variables == dict.fromkeys(names, ACCESS.url)


@pytest.mark.parametrize(
    ("argument", "ports"),
    [
        ("http://127.0.0.1:8080/charts", {8080}),
        ("--repo=https://localhost", {443}),
        ("-fHTTP://LOCALHOST/x.yaml", {80}),
        ("oci://localhost:5000/charts/web", {5000}),
        ("http://me:secret@[::1]:8080", {8080}),
        ("http://[::ffff:127.0.0.1]:8080", {8080}),
        ("a=http://127.0.0.2:1,b=http://127.0.0.1:2", {1, 2}),
        ("http://127.0.0.1:99999", set()),
        ("http://127.0.0.1:0", set()),
        ("http://10.0.0.1:8080", set()),
        ("http://localhost.example:8080", set()),
        ("http://sub.localhost:8080", set()),
        ("ftp://127.0.0.1:21", set()),
    ],
)
def test_loopback_ports_are_those_of_the_urls_that_a_command_names(argument: str, ports: set[int]) -> None:
    assert access.loopback_ports(["show", argument], None) == ports


def test_own_server_of_a_tool_counts_where_it_is_on_loopback() -> None:
    assert access.loopback_ports([], Endpoint("127.0.0.1", 8443)) == {8443}
    assert access.loopback_ports([], Endpoint("argocd.example", 443)) == set()


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("redis://:hunter2@redis.example", (Endpoint("redis.example", 6379),)),
        ("rediss://[fd12::1]:6380/1", (Endpoint("fd12::1", 6380),)),
        ("unix:///run/valkey.sock?db=0", ()),
    ],
)
def test_redis_is_a_service_of_our_own(url: str, places: tuple[Endpoint, ...]) -> None:
    assert own_services.places(url, "gateway:9096") == (*places, Endpoint("gateway", 9096))


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
