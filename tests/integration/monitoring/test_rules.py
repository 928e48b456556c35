"""What every alert and every panel names: metrics that there are, and what to do. Needs no Prometheus."""

import json
import re
from collections.abc import Iterator

import pytest

from shared import metrics
from tests.integration.monitoring import rules
from tests.support import own_chart
from tests.support.product import PROJECT

NAME = re.compile(r"\bmcp_k8s_\w+")
PANELS = json.loads((own_chart.CHART / "monitoring" / "dashboard.json").read_text())["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel.get("targets", ())]
PAGE = "docs/operations.md"


def told() -> Iterator[str]:
    """Every name that a series of ours can have."""
    for registry in (metrics.GATEWAY, metrics.WORKER):
        for family in registry.collect():
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
            yield from (f"{family.name}{suffix}" for suffix in suffixes)


@pytest.mark.parametrize("expression", [*QUERIES, *(rule["expr"] for rule in rules.alerts().values())])
def test_every_metric_that_is_asked_for_is_told(expression: str) -> None:
    named = set(NAME.findall(expression))

    assert named or expression.startswith("process_")
    assert named <= set(told())


@pytest.mark.parametrize(
    ("name", "rule"), rules.alerts().items(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_alert_says_how_bad_it_is_and_where_to_read_on(name: str, rule: dict[str, dict[str, str]]) -> None:
    assert name.startswith("McpK8s")
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"{PAGE}#{name.lower()}"


@pytest.mark.skipif(not (PROJECT / PAGE).exists(), reason=f"{PAGE} is not there")
def test_page_says_what_to_do_for_every_alert_and_for_no_other() -> None:
    sections = re.findall(r"^#+ `?(McpK8s\w+)`?$", (PROJECT / PAGE).read_text(), re.MULTILINE)

    assert sorted(sections) == sorted(rules.alerts())
