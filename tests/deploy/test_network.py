"""Network policies allow exactly the connections that the product needs, and ingress reaches the gateway."""

import ipaddress
from typing import Any

import pytest

from shared.network.destinations import parse_services
from shared.network.endpoints import METADATA_NETWORKS
from tests.support import own_chart
from tests.support.own_chart import Manifest, Rendered

LINK_LOCAL = [ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10")]
METADATA = [network[0] for network in (*METADATA_NETWORKS, *LINK_LOCAL)] + [ipaddress.ip_address("fd00:ec2::254")]
EXTERNAL = [own_chart.CHART / "ci" / "external-values.yaml"]
WIDE = ["0.0.0.0/0", "128.0.0.0/1", "100.64.0.0/10", "192.0.0.0/24", "169.0.0.0/8", "::/0", "2000::/3", "10.0.0.0/8"]


def egress(chart: Rendered, component: str) -> list[Manifest]:
    rules: list[Manifest] = chart.one("NetworkPolicy", component)["spec"]["egress"]
    return rules


def blocks(rules: list[Manifest]) -> list[Manifest]:
    return [peer["ipBlock"] for rule in rules for peer in rule["to"] if "ipBlock" in peer]


def allows(block: Manifest, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if address not in ipaddress.ip_network(block["cidr"]):
        return False
    return not any(address in ipaddress.ip_network(each) for each in block.get("except", []))


@pytest.mark.parametrize("ranges", [[each] for each in WIDE], ids=WIDE)
def test_worker_never_reaches_a_metadata_service(ranges: list[str]) -> None:
    found = blocks(egress(own_chart.render(networkPolicies__workerTo=ranges), "worker"))

    assert [block["cidr"] for block in found] == ranges
    assert not [address for address in METADATA if any(allows(block, address) for block in found)]
    for block in found:
        outer: Any = ipaddress.ip_network(block["cidr"])
        assert all(ipaddress.ip_network(each).subnet_of(outer) for each in block.get("except", []))


def test_worker_reaches_resolvers_redis_and_api_servers_only() -> None:
    dns, redis, servers = egress(own_chart.render(), "worker")

    assert {port["port"] for port in dns["ports"]} == {53}
    assert redis["ports"] == [{"port": "redis", "protocol": "TCP"}]
    assert redis["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "redis"
    assert {port["port"] for port in servers["ports"]} == {443, 6443}
    assert any(allows(block, ipaddress.ip_address("10.96.0.1")) for block in blocks([servers]))


def test_gateway_reaches_resolvers_and_redis_only() -> None:
    rules = egress(own_chart.render(), "gateway")

    assert len(rules) == 2
    assert not blocks(rules)


def test_nobody_reaches_a_worker_and_redis_reaches_nobody() -> None:
    chart = own_chart.render()

    for component, direction in (("worker", "ingress"), ("redis", "egress")):
        spec = chart.one("NetworkPolicy", component)["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert direction not in spec


def test_external_redis_is_reached_where_it_is_said_to_be() -> None:
    chart = own_chart.render(own_chart.CHART / "ci" / "external-values.yaml")

    for component in ("gateway", "worker"):
        redis = egress(chart, component)[1]
        assert redis == {
            "ports": [{"port": 6380, "protocol": "TCP"}],
            "to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}],
        }
    assert not [policy for policy in chart.of_kind("NetworkPolicy") if policy["metadata"]["name"].endswith("redis")]


def test_sentinels_and_the_servers_behind_them_are_reached() -> None:
    chart = own_chart.render(own_chart.CHART / "ci" / "sentinel-values.yaml")

    for component in ("gateway", "worker"):
        assert egress(chart, component)[1] == {
            "ports": [{"port": 6379, "protocol": "TCP"}, {"port": 26379, "protocol": "TCP"}],
            "to": [{"ipBlock": {"cidr": "10.1.2.0/24"}}],
        }


def test_only_those_named_reach_gateway_and_metrics() -> None:
    chart = own_chart.render(own_chart.CHART / "ci" / "watched-values.yaml")
    agents = {"namespaceSelector": {"matchLabels": {"team": "agents"}}}
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}

    assert chart.one("NetworkPolicy", "gateway")["spec"]["ingress"][0]["from"] == [agents, monitoring]
    assert chart.one("NetworkPolicy", "worker")["spec"]["ingress"] == [
        {"ports": [{"port": "metrics", "protocol": "TCP"}], "from": [monitoring]}
    ]


def test_ingress_outlasts_the_longest_silent_call() -> None:
    chart = own_chart.render(own_chart.CHART / "ci" / "external-values.yaml")
    (ingress,) = chart.of_kind("Ingress")
    annotations = ingress["metadata"]["annotations"]
    gateway = chart.environment("gateway")
    silence_s = int(gateway["K8S_MCP_QUEUE_WAIT_S"]) + int(gateway["K8S_MCP_MAX_TIMEOUT"])

    assert int(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]) > silence_s
    assert annotations["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    # A call that changes a cluster is never sent twice.
    assert annotations["nginx.ingress.kubernetes.io/proxy-next-upstream"] == "off"


def test_ingress_publishes_neither_metrics_nor_probes() -> None:
    chart = own_chart.render(own_chart.CHART / "ci" / "external-values.yaml")
    (ingress,) = chart.of_kind("Ingress")
    (rule,) = ingress["spec"]["rules"]

    assert {path["path"] for path in rule["http"]["paths"]} == {"/mcp", "/tools", "/jobs", "/health"}
    assert rule["host"] in chart.environment("gateway")["K8S_MCP_ALLOWED_HOSTS"].split(",")


def test_annotations_of_ones_own_win() -> None:
    timeout = "nginx.ingress.kubernetes.io/proxy-read-timeout"
    chart = own_chart.render(
        own_chart.CHART / "ci" / "external-values.yaml", ingress__annotations={timeout: "30", "a": "b"}
    )
    annotations = chart.of_kind("Ingress")[0]["metadata"]["annotations"]

    assert annotations[timeout] == "30"
    assert annotations["a"] == "b"


def test_gateway_answers_to_the_names_of_its_service() -> None:
    chart = own_chart.render(gateway__allowedHosts=["mcp.internal"])
    name = chart.one("Service", "gateway")["metadata"]["name"]
    hosts = chart.environment("gateway")["K8S_MCP_ALLOWED_HOSTS"].split(",")

    assert {name, f"{name}.tools", f"{name}.tools.svc", f"{name}.tools.svc.cluster.local", "mcp.internal"} == set(hosts)


COLLECTOR = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}


def test_collector_is_named_to_both_and_reached_by_both() -> None:
    endpoint = "http://collector.observability:4318"
    chart = own_chart.render(traces__endpoint=endpoint, traces__peers=[COLLECTOR])

    for component in ("gateway", "worker"):
        [container] = chart.one("Deployment", component)["spec"]["template"]["spec"]["containers"]
        assert {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": endpoint} in container["env"]
        assert {"ports": [{"port": 4318, "protocol": "TCP"}], "to": [COLLECTOR]} in egress(chart, component)


def test_collector_that_is_nowhere_is_refused() -> None:
    refusal = own_chart.refusal(traces__endpoint="http://collector:4318")

    assert "traces.peers" in refusal


@pytest.mark.parametrize("is_bundled", [True, False], ids=["bundled Redis", "external Redis"])
def test_workers_know_gateways_and_redis_by_the_addresses_of_their_pods(is_bundled: bool) -> None:
    chart = own_chart.render(*([] if is_bundled else EXTERNAL), gateway__service__port=80)
    places = {place.host: place.port for place in parse_services(chart.environment("worker")["K8S_MCP_OWN_SERVICES"])}

    for component, port in {"gateway": 9096, **({"redis": 6379} if is_bundled else {})}.items():
        service = chart.one("Service", f"{component}-pods")
        assert places[service["metadata"]["name"]] == port
        assert (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"]) == ("None", True)
        assert service["spec"]["selector"] == chart.one("Service", component)["spec"]["selector"]
    assert ("demo-mcp-k8s-redis-pods" in places) is is_bundled
