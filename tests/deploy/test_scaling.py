"""How many there are: autoscalers, disruption budgets, and who watches them."""

import pytest

from shared.models import Lane
from shared.store import key_names
from tests.support import own_chart
from tests.support.own_chart import Rendered

WATCHED = own_chart.CHART / "ci" / "watched-values.yaml"
EXTERNAL = own_chart.CHART / "ci" / "external-values.yaml"


def test_keda_starts_workers_from_zero_by_what_each_lane_has_to_do() -> None:
    chart = own_chart.render(WATCHED)
    scaled = chart.one("ScaledObject", "worker")["spec"]
    redis = [trigger for trigger in scaled["triggers"] if trigger["type"] == "redis"]
    environment = chart.environment("worker")

    assert scaled["minReplicaCount"] == 0
    assert scaled["scaleTargetRef"]["name"] == chart.one("Deployment", "worker")["metadata"]["name"]
    assert {trigger["metadata"]["listName"]: trigger["metadata"]["listLength"] for trigger in redis} == {
        key_names.LOAD + Lane.FAST: environment["K8S_MCP_FAST_SLOTS"],
        key_names.LOAD + Lane.SLOW: environment["K8S_MCP_SLOW_SLOTS"],
    }
    assert scaled["triggers"][-1]["type"] == "prometheus"


def test_keda_is_given_a_user_of_its_own() -> None:
    chart = own_chart.render(WATCHED)
    authentication = chart.one("TriggerAuthentication", "worker")
    references = authentication["spec"]["secretTargetRef"]
    triggers = chart.one("ScaledObject", "worker")["spec"]["triggers"][:2]

    assert {reference["key"] for reference in references} == {"keda-username", "keda-password"}
    assert {reference["name"] for reference in references} == {chart.one("Secret", "redis")["metadata"]["name"]}
    assert all(trigger["authenticationRef"] == {"name": authentication["metadata"]["name"]} for trigger in triggers)


def test_keda_is_let_through_to_redis() -> None:
    peers = own_chart.render(WATCHED).one("NetworkPolicy", "redis")["spec"]["ingress"][0]["from"]

    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}} in peers


@pytest.mark.parametrize(("ca_secret", "enable_tls"), [("our-ca", None), ("", "true")])
def test_keda_asks_an_external_redis(ca_secret: str, enable_tls: str | None) -> None:
    """With a CA of its own, TLS is the TriggerAuthentication's: KEDA refuses to be told twice."""
    chart = own_chart.render(EXTERNAL, redis__external__caSecret=ca_secret)
    trigger = chart.one("ScaledObject", "worker")["spec"]["triggers"][0]

    assert trigger["metadata"]["address"] == "redis.example:6380"
    assert trigger["metadata"].get("enableTLS") == enable_tls
    assert trigger["authenticationRef"] == {"name": "our-redis"}
    assert not chart.of_kind("TriggerAuthentication")


def test_keda_asks_the_primary_that_sentinel_names() -> None:
    """https://keda.sh/docs/2.16/scalers/redis-sentinel-lists/"""
    chart = own_chart.render(own_chart.CHART / "ci" / "sentinel-values.yaml")
    trigger = chart.one("ScaledObject", "worker")["spec"]["triggers"][0]

    assert trigger["type"] == "redis-sentinel"
    assert trigger["metadata"]["addresses"].split(",")[0] == "sentinel-0.example:26379"
    assert trigger["metadata"]["sentinelMaster"] == "jobs"
    assert "address" not in trigger["metadata"]


def test_workers_are_scaled_by_an_external_metric() -> None:
    chart = own_chart.render(own_chart.CHART / "ci" / "metric-values.yaml")
    (metric,) = chart.one("HorizontalPodAutoscaler", "worker")["spec"]["metrics"]

    assert metric["external"]["metric"] == {"name": "jobs", "selector": {"matchLabels": {"lane": "slow"}}}
    assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "8"}


def test_gateways_are_scaled_by_their_load() -> None:
    scaler = own_chart.render(EXTERNAL).one("HorizontalPodAutoscaler", "gateway")["spec"]

    assert scaler["minReplicas"] == 2
    assert scaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 70


def test_nothing_but_its_autoscaler_counts_what_is_autoscaled(chart: Rendered) -> None:
    scaled = {
        scaler["spec"]["scaleTargetRef"]["name"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for scaler in chart.of_kind(kind)
    }
    counted = {each["metadata"]["name"] for each in chart.of_kind("Deployment") if "replicas" in each["spec"]}

    assert scaled | counted == {each["metadata"]["name"] for each in chart.of_kind("Deployment")}
    assert not scaled & counted


def test_nodes_are_drained_one_pod_at_a_time() -> None:
    budgets = own_chart.render().of_kind("PodDisruptionBudget")

    assert {budget["metadata"]["name"].rpartition("-")[2] for budget in budgets} == {"gateway", "worker"}
    assert all(budget["spec"]["maxUnavailable"] == 1 for budget in budgets)


def test_monitors_find_services_that_have_their_port(chart: Rendered) -> None:
    for monitor in chart.of_kind("ServiceMonitor"):
        labels = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = [each for each in chart.of_kind("Service") if labels <= each["metadata"]["labels"].items()]
        assert monitor["spec"]["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_both_are_monitored_while_workers_have_a_port() -> None:
    assert len(own_chart.render(WATCHED).of_kind("ServiceMonitor")) == 2
    without = own_chart.render(serviceMonitor__enabled=True, worker__metricsPort=0)
    assert len(without.of_kind("ServiceMonitor")) == 1


def test_selectors_find_the_pods_of_their_component(chart: Rendered) -> None:
    for kind in ("Deployment", "StatefulSet"):
        for owner in chart.of_kind(kind):
            selected = owner["spec"]["selector"]["matchLabels"]
            assert selected.items() <= owner["spec"]["template"]["metadata"]["labels"].items()
            assert owner["metadata"]["name"].endswith(selected["app.kubernetes.io/component"])
