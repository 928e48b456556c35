"""Which values the chart takes."""

from pathlib import Path
from typing import Any

import pytest

from shared.settings import CommonSettings, GatewaySettings, WorkerSettings
from tests.support import own_chart, readme

EXTERNAL = own_chart.CHART / "ci" / "external-values.yaml"


@pytest.mark.parametrize("values", own_chart.VALUES, ids=lambda path: path.stem)
def test_chart_is_linted_without_a_warning(values: Path) -> None:
    answer = own_chart.helm("lint", "--strict", own_chart.CHART, "--values", values)

    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("timeLimits__maxSeconds", 0),
        ("timeLimits__maxSeconds", "1h"),
        ("gateway__replica", 2),
        ("gateway__image__digest", "sha256:abc"),
        ("gateway__settings__K8S_MCP_MASTER_KEYS", "x"),
        ("gateway__settings__K8S_MCP_SECURITY_CONFIG", "/policy.yaml"),
        ("gateway__policy", {"namespaces": ["shop"]}),
        ("settings__K8S_MCP_REDIS_URL", "redis://:password@redis:6379/0"),
        ("settings__K8S_MCP_REDIS_SENTINEL_PASSWORD", "password"),
        ("redis__external__sentinel__addresses", ["sentinel.example"]),
        ("redis__external__sentinel__addresses", ["redis+sentinel://:password@sentinel.example:26379"]),
        ("settings__K8S_MCP_MAX_TIMEOUT", "60"),
        ("settings__K8S_MCP_MAX_OUTPUT", 2_000_000),
        ("settings__PATH", "/bin"),
        ("worker__slots__fast", 0),
        ("worker__autoscaling__mode", "vpa"),
        ("worker__temporarySize", "1G"),
        ("masterKeys__rotation", "now"),
        ("redis__maxMemory", "1Gi"),
        ("networkPolicies__dns", []),
        ("networkPolicies__workerTo", ["10.0.0.1"]),
        ("networkPolicies__workerTo", ["fd00:ec2::/32"]),
        ("networkPolicies__workerTo", ["fd00:42::/64"]),
        ("networkPolicies__workerTo", ["fd00::/8"]),
        ("networkPolicies__workerTo", ["fd20:ce::/48"]),
        ("worker__settings__K8S_MCP_EGRESS_PROXY", "http://user:password@proxy:3128"),
        ("networkPolicies__workerTo", ["fe80::/10"]),
        ("ingress__paths", ["metrics"]),
    ],
)
def test_value_that_does_not_fit_is_refused_by_the_schema(path: str, value: Any) -> None:
    assert "values don't meet the specifications of the schema" in own_chart.refusal(**{path: value})


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"gateway__allowAnonymous": False}, "does not authenticate"),
        ({"worker__image__repository": ""}, "make images"),
        ({"redis__bundled": False}, "redis.external.existingSecret"),
        ({"networkPolicies__workerTo": ["169.254.169.254/32"]}, "metadata"),
        ({"networkPolicies__workerTo": ["100.100.100.200/32"]}, "100.100.100.200/32 contains only"),
        ({"worker__autoscaling__mode": "hpa"}, "external metric"),
        ({"ingress__enabled": True}, "ingress.hosts"),
        ({"masterKeys__rotation": "switch"}, "switch comes after prepare"),
        ({"masterKeys__rotation": "prepare", "masterKeys__existingSecret": "ours"}, "masterKeys.existingSecret"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_combination_that_cannot_work_is_refused_with_what_to_do(overrides: dict[str, Any], says: str) -> None:
    assert says in own_chart.refusal(**overrides)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("redis__external__peers", "redis.external.peers"),
        ("worker__autoscaling__keda__triggerAuthentication", "triggerAuthentication"),
    ],
)
def test_external_redis_has_to_be_described(path: str, says: str) -> None:
    assert says in own_chart.refusal(EXTERNAL, **{path: [] if path.endswith("peers") else ""})


@pytest.mark.parametrize(("field", "empty"), [("addresses", []), ("service", "")])
def test_keda_has_to_be_told_where_the_sentinels_are(field: str, empty: Any) -> None:
    values = own_chart.CHART / "ci" / "sentinel-values.yaml"

    assert f"redis.external.sentinel.{field}" in own_chart.refusal(
        values, **{f"redis__external__sentinel__{field}": empty}
    )


def test_values_of_a_release_before_sentinel_are_taken() -> None:
    """`helm upgrade --reuse-values` brings the values of the old chart, without new ones."""
    chart = own_chart.render(EXTERNAL, redis__external__sentinel=None)

    assert "K8S_MCP_REDIS_SENTINEL_PASSWORD_FILE" not in chart.environment("gateway")


def test_workers_scaled_by_a_metric_cannot_go_to_zero() -> None:
    values = own_chart.CHART / "ci" / "metric-values.yaml"

    assert "minReplicas" in own_chart.refusal(values, worker__autoscaling__minReplicas=0)


@pytest.mark.parametrize("settings", [GatewaySettings, WorkerSettings], ids=["gateway", "worker"])
def test_every_setting_can_be_passed_through_or_has_a_value_of_its_own(settings: type[CommonSettings]) -> None:
    component = "gateway" if settings is GatewaySettings else "worker"
    decided = {*own_chart.render().environment(component), "K8S_MCP_MASTER_KEYS", "K8S_MCP_REDIS_URL"}
    decided |= {"K8S_MCP_EGRESS_PROXY", "K8S_MCP_SECURITY_CONFIG"}  # a secret, and a file
    decided |= {"K8S_MCP_REDIS_CA_FILE", "K8S_MCP_REDIS_SENTINEL_USERNAME", "K8S_MCP_REDIS_SENTINEL_PASSWORD"}
    names = {f"K8S_MCP_{name.upper()}" for name in settings.model_fields if not name.startswith("default_")}
    free = dict.fromkeys(names - decided, "1")

    passed = own_chart.render(**{f"{component}__settings": free}).environment(component)

    assert free.items() <= passed.items()


@pytest.mark.parametrize(
    "block", readme.blocks("yaml", page=own_chart.PAGE), ids=lambda block: " ".join(block.split()[:2])
)
def test_documented_values_are_taken(block: str, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(block)

    assert own_chart.render(own_chart.MINIMUM, values).of_kind("Deployment")
