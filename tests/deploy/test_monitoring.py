"""How the chart's workers are probed and watched, and what it ships for Prometheus and Grafana."""

import json
from pathlib import Path

import pytest
import yaml

from shared.network import destinations
from tests.support import own_chart, readme
from tests.support.own_chart import Rendered
from tests.support.product import PROJECT

WATCHED = own_chart.CHART / "ci" / "watched-values.yaml"
MONITORING = own_chart.CHART / "monitoring"
PAGE = PROJECT / "docs" / "monitoring.md"
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def test_worker_is_probed_on_the_port_of_its_metrics() -> None:
    chart = own_chart.render(worker__metricsPort=9100)
    (worker,) = chart.pod("worker")["containers"]
    environment = chart.environment("worker")

    assert worker["ports"] == [{"name": "metrics", "containerPort": 9100}]
    assert (environment["K8S_MCP_METRICS_HOST"], environment["K8S_MCP_METRICS_PORT"]) == ("0.0.0.0", "9100")
    assert [worker[probe]["httpGet"] for probe in PROBES] == [
        {"path": path, "port": "metrics"} for path in ("/readyz", "/livez", "/readyz")
    ]


def test_worker_without_that_port_is_asked_through_redis() -> None:
    chart = own_chart.render(worker__metricsPort=0)
    (worker,) = chart.pod("worker")["containers"]

    assert "livenessProbe" not in worker
    assert worker["readinessProbe"]["exec"]["command"] == ["python", "-m", "worker.probes.announced"]
    assert "K8S_MCP_METRICS_PORT" not in chart.environment("worker")


def test_no_command_reaches_the_metrics_of_any_worker(chart: Rendered) -> None:
    environment = chart.environment("worker")
    port = environment.get("K8S_MCP_METRICS_PORT")
    services = {
        str(place.port): place.host for place in destinations.parse_services(environment["K8S_MCP_OWN_SERVICES"])
    }

    assert port is None or services[port] == chart.one("Service", "worker")["metadata"]["name"]


def test_worker_that_drains_is_watched_on() -> None:
    assert own_chart.render().one("Service", "worker")["spec"]["publishNotReadyAddresses"] is True


def test_rules_and_dashboard_are_shipped_as_they_are() -> None:
    chart = own_chart.render(WATCHED)
    rule = chart.one("PrometheusRule", "monitoring")
    dashboard = chart.one("ConfigMap", "monitoring")

    assert rule["spec"] == yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    assert json.loads(dashboard["data"]["mcp-k8s.json"]) == json.loads((MONITORING / "dashboard.json").read_text())
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize("block", [each for each in readme.blocks("yaml", page=PAGE) if "scrape_configs" not in each])
def test_documented_values_are_taken(block: str, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(block)

    assert own_chart.render(own_chart.MINIMUM, values).of_kind("PrometheusRule")


def test_rules_and_dashboard_are_not_forced_on_anybody() -> None:
    assert not {"PrometheusRule", "ConfigMap"} & {manifest["kind"] for manifest in own_chart.render().manifests}
