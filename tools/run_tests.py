"""Runs pytest in passes: first tests in parallel, then tests that must run alone, then failed tests once more.

A test that fails and then passes alone is printed under `FLAKY:` with the log of its failure, and does not fail the
run. Such a test has a race, whose cause must be repaired. A test that fails twice fails the run. The run ends at once
if pytest cannot run all tests, or if more tests fail than chance explains.

The arguments are pytest's own. They follow those that are set here, so `-n 0` and `-k word` have their usual meaning.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from tools.outcomes import ALONE, UNCOLLECTED

WORKERS = (os.cpu_count() or 1) + 1
"""Number of workers: one more than processors, because most tests wait for a process half of their time."""
BESIDE_EACH_OTHER = ("-n", str(WORKERS), "--dist", "worksteal", "--max-worker-restart", "3")
MOST_REPEATED = 5
"""Number of tests that fail again before no more are tried: so many have a cause that a second try does not change."""
SEED_BITS = 32
LINE_WIDTH = 80
ORDER = ("failed", "passed", "skipped", "xfailed", "xpassed", "flaky")
ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
"""Exit codes of pytest after it has run all chosen tests."""


@dataclass
class Pass:
    """The outcome of one run of pytest."""

    exit_code: int
    categories: dict[str, str] = field(default_factory=dict)
    """Test → pytest's category of it. A failure in any phase wins."""
    logs: dict[str, str] = field(default_factory=dict)
    """Failed test → log of its failures."""

    def add(self, test: str, category: str, log: str) -> None:
        """Adds the report of one phase of a test."""
        if test not in self.logs:
            self.categories[test] = category
        if log:
            self.logs[test] = f"{self.logs.get(test, '')}{log}\n"

    def tests(self, category: str) -> list[str]:
        """Returns the node ids of the tests in a category."""
        return [test for test, found in self.categories.items() if found == category]

    @property
    def stopped(self) -> bool:
        """Whether something other than a test failed, or chosen tests did not run."""
        unexplained = self.exit_code == pytest.ExitCode.TESTS_FAILED and not self.logs
        return self.exit_code not in ENDED or unexplained or bool(self.tests(UNCOLLECTED))


class StoppedError(Exception):
    """Pytest ended early and has printed the reason, so there is no result."""


@dataclass
class Run:
    """All passes over the chosen tests."""

    arguments: Sequence[str]
    folder: Path
    categories: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """Failed test → log."""
    flaky: dict[str, str] = field(default_factory=dict)
    """Flaky test → log of its first failure."""

    def all_passes(self) -> None:
        """Runs all passes. Raises StoppedError."""
        first = self._pass([*BESIDE_EACH_OTHER, *self.arguments, "--leave-alone"])
        alone = first.tests(ALONE)
        if alone:
            self._one_by_one(alone, "tests that must be alone")
        if self.failures:
            self._retry()

    def _retry(self) -> None:
        tried = dict(self.failures)
        second = self._one_by_one([*tried], "failed tests, once more and alone", f"--maxfail={MOST_REPEATED}")
        for test in second.tests("passed"):
            self.flaky[test] = tried[test]
            del self.failures[test]

    def _one_by_one(self, tests: list[str], what: str, *options: str) -> Pass:
        say(f"\n{what}: {len(tests)}")
        only = self.folder / "only"
        only.write_text("\n".join(tests))
        return self._pass([*self.arguments, "-n", "0", f"--only={only}", *options])

    def _pass(self, arguments: list[str]) -> Pass:
        outcomes = self.folder / "outcomes"
        outcomes.write_text("")
        command = [sys.executable, "-m", "pytest", "-p", "tools.outcomes", *arguments, f"--outcomes={outcomes}"]
        done = Pass(_call(command))
        for line in outcomes.read_text().splitlines():
            done.add(**json.loads(line))
        if done.stopped:
            raise StoppedError(done.exit_code)
        self.categories |= done.categories
        self.failures |= done.logs
        return done


def run(arguments: Sequence[str], folder: Path) -> int:
    """Runs the tests and returns one of pytest's exit codes."""
    started_at_s = time.monotonic()
    if "no:randomly" not in " ".join(arguments):
        arguments = [f"--randomly-seed={random.getrandbits(SEED_BITS)}", *arguments]  # the same in each pass
    whole = Run(arguments, folder)
    try:
        whole.all_passes()
    except StoppedError as stopped:
        return stopped.args[0] or pytest.ExitCode.TESTS_FAILED
    _report(whole, time.monotonic() - started_at_s)
    if whole.failures:
        return pytest.ExitCode.TESTS_FAILED
    return pytest.ExitCode.OK if whole.categories else pytest.ExitCode.NO_TESTS_COLLECTED


def _report(whole: Run, duration_s: float) -> None:
    if whole.flaky:
        say("\nFLAKY:")
    for test, log in whole.flaky.items():
        say(f"{test} failed, and passed when it was alone:\n{log}")
    for test in whole.failures:
        say(f"FAILED {test}")
    counts = Counter("failed" if test in whole.failures else found for test, found in whole.categories.items())
    counts["flaky"] = len(whole.flaky)
    parts = [f"{counts[name]} {name}" for name in ORDER if counts[name]] or ["no tests ran"]
    closing = f" {', '.join(parts)} in {duration_s:.2f}s ({timedelta(seconds=round(duration_s))}) "
    say(closing.center(LINE_WIDTH, "="))


def _call(command: Sequence[str]) -> int:
    """Runs a command and returns its exit code. SIGTERM is passed on to the command, which then ends by itself."""
    with subprocess.Popen(command) as process:
        signal.signal(signal.SIGINT, lambda *_: None)  # the terminal has also signalled the command
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        return process.wait()


def say(text: str) -> None:
    """Prints without buffering, so that the text appears in order with pytest's output."""
    print(text, flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="mcp-k8s-tests-") as temporary:
        sys.exit(run(sys.argv[1:], Path(temporary)))
