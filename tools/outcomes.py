"""A pytest plugin for `tools.run_tests`: it chooses the tests of a pass, and records how each of them ended.

It also works under xdist. The workers choose, because they collect the tests. The process that started them writes,
because it gets every report, even that of a crashed worker.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

ALONE = "alone"
"""Category of a test that does not run in this pass because it must run alone."""
UNCOLLECTED = "uncollected"
"""Category of a file or folder that could not be read, so its tests are not known."""
SECTION_WIDTH = 80


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options that `tools.run_tests` passes."""
    group = parser.getgroup("outcomes")
    group.addoption("--outcomes", type=Path, help="write one line of JSON for each test to this file")
    group.addoption("--leave-alone", action="store_true", help="leave out the tests that must be alone, but list them")
    group.addoption("--only", type=Path, help="run the tests that this file names, one a line, and no others")


def pytest_configure(config: pytest.Config) -> None:
    """With `--only`, replaces the given paths by the tests that its file names."""
    if config.option.only:
        config.args = config.option.only.read_text().splitlines()
    if config.option.outcomes:
        config.pluginmanager.register(Outcomes(config))


class Outcomes:
    """Writes the outcomes to the file of `--outcomes`."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._path: Path = config.option.outcomes
        self._worker = getattr(config, "workerinput", {}).get("workerid")

    @pytest.hookimpl(trylast=True)  # what other plugins have left out is not wanted later either
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leaves out the tests that must run alone; they have their own pass."""
        alone: list[pytest.Item] = []
        others: list[pytest.Item] = []
        for item in items:
            (others if item.get_closest_marker(ALONE) is None else alone).append(item)
        if not self._config.option.leave_alone or not alone:
            return
        items[:] = others
        self._config.hook.pytest_deselected(items=alone)
        if self._worker in (None, "gw0"):  # all workers have collected the same tests
            for item in alone:
                self._write(item.nodeid, ALONE)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Requires a reason for a test that must run alone, because it makes every run longer."""
        marker = item.get_closest_marker(ALONE)
        if marker is not None and not (len(marker.args) == 1 and marker.args[0]):
            pytest.fail('it must say why it is to be alone: pytest.mark.alone("...")', pytrace=False)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Records a failed collection. Under xdist each worker sends the same report."""
        if report.failed and self._worker is None:
            self._write(report.nodeid, UNCOLLECTED, report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Records a report. The setup and teardown reports of a passed test have no category."""
        if self._worker is not None:
            return
        category, *_ = self._config.hook.pytest_report_teststatus(report=report, config=self._config)
        if category:
            self._write(report.nodeid, category, "\n".join(_log(report)) if report.failed else "")

    def _write(self, test: str, category: str, log: str = "") -> None:
        with self._path.open("a") as file:
            file.write(json.dumps({"test": test, "category": category, "log": log}) + "\n")


def _log(report: pytest.TestReport) -> Iterable[str]:
    yield report.longreprtext
    for title, content in report.sections:
        yield f" {title} ".center(SECTION_WIDTH, "-")
        yield content.rstrip("\n")
