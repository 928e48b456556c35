"""The official conformance suite against a served gateway: what applies passes, and what does not has a reason."""

import json
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.end_to_end.system import Gateway
from tests.integration.mcp.conftest import Clients
from tests.integration.mcp.node import Node

LISTS: Mapping[str, Any] = tomllib.loads((Path(__file__).parent / "scenarios.toml").read_text(encoding="utf-8"))
PROGRAMS = {
    "stable": Path("@modelcontextprotocol/conformance/dist/index.js"),
    "next": Path("conformance-next/dist/index.js"),
}
OFFERED = re.compile(r"^  - (\S+) \[(.*)\]$", re.MULTILINE)
RESULTS = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT\S+")
REVISIONS = ("2025-11-25", "2026-07-28")
SCENARIOS = [pytest.param(suite, name, id=f"{suite}-{name}") for suite in LISTS for name in LISTS[suite]["applies"]]
FAILED = "FAILURE"


@dataclass(frozen=True)
class Verdicts:
    """What the suites find, started as seldom as can be: scenarios that want no more than answers run all at once."""

    node: Node
    clients: Clients
    directory: Path
    cached: dict[tuple[str, ...], dict[str, dict[str, str]]] = field(default_factory=dict)

    def failed(self, suite: str, scenario: str) -> dict[str, str]:
        """The scenario's checks that failed, and what they say.

        Commands of a gateway that waits for none become tasks at once; all else wants results.
        """
        if scenario.startswith("tasks-"):
            asked = ("--scenario", scenario, "--force", "--spec-version", REVISIONS[-1])
            return self._found(suite, self.clients.hasty, *asked)[scenario]
        if suite == "stable":
            return self._found(suite, self.clients.patient, "--suite", "all")[scenario]
        by_revision = (
            self._found(suite, self.clients.patient, "--suite", "all", "--spec-version", revision)
            for revision in reversed(REVISIONS)
        )
        return next(found[scenario] for found in by_revision if scenario in found)

    def _found(self, suite: str, gateway: Gateway, *arguments: str) -> dict[str, dict[str, str]]:
        key = (suite, *arguments)
        if key not in self.cached:
            home = Path(tempfile.mkdtemp(dir=self.directory))
            asked = ("server", "--url", f"{gateway.url}/mcp", "-o", str(home), *arguments)
            ran = self.node.run(self.node.packages / PROGRAMS[suite], *asked, home=home)
            self.cached[key] = _failed_checks(home)
            assert self.cached[key], ran
        return self.cached[key]


def _failed_checks(results: Path) -> dict[str, dict[str, str]]:
    """By scenario, whose folder is named by it and by the time."""
    found = {}
    for path in results.glob("server-*/checks.json"):
        match = RESULTS.fullmatch(path.parent.name)
        assert match, path
        checks = json.loads(path.read_text())
        found[match[1]] = {each["id"]: each.get("errorMessage", "") for each in checks if each["status"] == FAILED}
    return found


@pytest.fixture(scope="module")
def verdicts(served: Clients, node_clients: Node, tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    return Verdicts(node_clients, served, tmp_path_factory.mktemp("conformance"))


@pytest.mark.parametrize("suite", list(LISTS))
def test_every_scenario_that_is_offered_is_judged(node_clients: Node, home: Path, suite: str) -> None:
    applies, inapplicable = set(LISTS[suite]["applies"]), set(LISTS[suite]["inapplicable"])
    ran = node_clients.run(node_clients.packages / PROGRAMS[suite], "list", "--server", home=home)

    assert not applies & inapplicable
    assert applies | inapplicable == {name for name, _ in OFFERED.findall(ran.output)}


@pytest.mark.timeout(150)
@pytest.mark.parametrize(("suite", "scenario"), SCENARIOS)
def test_scenario_passes(verdicts: Verdicts, suite: str, scenario: str) -> None:
    failed = verdicts.failed(suite, scenario)
    excused: dict[str, str] = LISTS[suite]["applies"][scenario]

    assert {check: said for check, said in failed.items() if check not in excused} == {}
    assert set(excused) == set(failed), "an excused check passes: take it out of scenarios.toml"
