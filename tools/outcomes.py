"""A pytest plugin for `tools.run_tests`: chooses the tests of a pass, and writes down how each of them ended.

It holds under xdist too. Workers choose, for they collect; the process that started them writes, for every report
reaches it, that of a crashed worker among them.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

ALONE = "alone"
"""Not run in this pass, as it must be alone."""
UNCOLLECTED = "uncollected"
"""A file or folder whose tests are not known, as it could not be read."""
SECTION_WIDTH = 80


def pytest_addoption(parser: pytest.Parser) -> None:
    """Its options, which `tools.run_tests` passes."""
    group = parser.getgroup("outcomes")
    group.addoption("--outcomes", type=Path, help="write one line of JSON for each test to this file")
    group.addoption("--leave-alone", action="store_true", help="leave out the tests that must be alone, but list them")
    group.addoption("--only", type=Path, help="run the tests that this file names, one a line, and no others")


def pytest_configure(config: pytest.Config) -> None:
    """Whatever paths were given before, the named tests take their place."""
    if config.option.only:
        config.args = config.option.only.read_text().splitlines()
    if config.option.outcomes:
        config.pluginmanager.register(Outcomes(config))


class Outcomes:
    """Writes to the file that was named."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._path: Path = config.option.outcomes
        self._worker = getattr(config, "workerinput", {}).get("workerid")

    @pytest.hookimpl(trylast=True)  # what other plugins have left out is not wanted later either
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leaves the tests that must be alone to a pass of their own."""
        alone: list[pytest.Item] = []
        others: list[pytest.Item] = []
        for item in items:
            (others if item.get_closest_marker(ALONE) is None else alone).append(item)
        if not self._config.option.leave_alone or not alone:
            return
        items[:] = others
        self._config.hook.pytest_deselected(items=alone)
        if self._worker in (None, "gw0"):  # all have collected the same
            for item in alone:
                self._write(item.nodeid, ALONE)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Being alone costs everybody time, so a test says why it must be."""
        marker = item.get_closest_marker(ALONE)
        if marker is not None and not (len(marker.args) == 1 and marker.args[0]):
            pytest.fail('it must say why it is to be alone: pytest.mark.alone("...")', pytrace=False)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Under xdist that of a worker, and the same from each."""
        if report.failed and self._worker is None:
            self._write(report.nodeid, UNCOLLECTED, report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The first and the last report of a test that passes count as nothing."""
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
