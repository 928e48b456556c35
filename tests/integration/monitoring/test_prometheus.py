"""A real Prometheus on the real product: every query of the dashboard gives data, every alert rule is one."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.monitoring import rules
from tests.integration.monitoring.scene import Watched
from tests.support import own_chart, prometheus, readme
from tests.support.product import PROJECT
from tests.support.prometheus import Prometheus
from tests.support.waiting import wait_until

MONITORING = own_chart.CHART / "monitoring"
PAGE = PROJECT / "docs" / "monitoring.md"
ALERT_TESTS = Path(__file__).parent / "alert_tests.yaml"
RATE_INTERVAL = "1m"
TIMEOUT_S = 60
ABOUT_LOAD = {"McpK8sQueueLatency", "McpK8sSlotsFull", "McpK8sOutputDropped"}
"""Output is dropped here on purpose."""


def queries() -> dict[str, str]:
    """Of every panel: its title and the query's place → the expression as Grafana would send it."""
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    return {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", RATE_INTERVAL)
        for panel in panels
        for target in panel.get("targets", ())
    }


def promtool(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [prometheus.binary("promtool"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)


@pytest.fixture(scope="session")
def scraping(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus.scraping(watched.addresses, tmp_path_factory.mktemp("prometheus")) as found:
        yield found


async def test_every_query_of_the_dashboard_gives_data(watched: Watched, scraping: Prometheus) -> None:
    missing = queries()
    # Before the jobs it has seen every counter once: a rate needs two values, and an increase between them.
    await watched.run_mixed_jobs()

    def have_all_given_data() -> bool:
        for place, expression in list(missing.items()):
            if scraping.has_data(expression):
                del missing[place]
        return not missing

    try:
        await wait_until(have_all_given_data, timeout_s=TIMEOUT_S)
    except AssertionError:
        pytest.fail(f"no data: {missing}")


async def test_no_alert_holds_for_a_product_that_is_well(scraping: Prometheus) -> None:
    """Without the time that most of them wait; how busy it is depends on the machine."""
    holding = {name for name, rule in rules.alerts().items() if scraping.query(rule["expr"])}

    assert holding <= ABOUT_LOAD


def test_alert_rules_are_some() -> None:
    answer = promtool("check", "rules", rules.PATH)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_documented_configuration_is_one(tmp_path: Path) -> None:
    [configuration] = [each for each in readme.blocks("yaml", page=PAGE) if "scrape_configs" in each]
    (tmp_path / "prometheus.yaml").write_text(configuration)
    (tmp_path / "alerts.yaml").write_text(rules.PATH.read_text())

    answer = promtool("check", "config", tmp_path / "prometheus.yaml")

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    tests = ALERT_TESTS.read_text().replace("RULES", str(rules.PATH))
    (tmp_path / "tests.yaml").write_text(tests)

    answer = promtool("test", "rules", tmp_path / "tests.yaml")

    assert answer.returncode == 0, answer.stdout + answer.stderr
