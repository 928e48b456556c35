"""The whole command runs, on small suites that are written for it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONFIGURATION = """
[pytest]
addopts = -p no:asyncio -p no:anyio -p no:hypothesispytest -p no:valkey
strict_markers = true
markers = alone(why): says why
"""
FLAKY = """
from pathlib import Path

def test_{name}(request):
    print("the log of {name}")
    ran_before = Path("{name}")
    if not ran_before.exists():
        ran_before.touch()
        assert False, "only at first"
"""
FAILING = "def test_failing(): assert 1 == 2"
PASSING = "def test_passing(): pass"
SKIPPED = """
import pytest
def test_skipped(): pytest.skip("for a reason")
"""
ALONE = """
import os, pytest
@pytest.mark.alone("it counts processes")
def test_unaccompanied(): assert "PYTEST_XDIST_WORKER" not in os.environ
def test_beside_others(): assert "PYTEST_XDIST_WORKER" in os.environ
"""
ALONE_AND_FLAKY = "import pytest\npytestmark = pytest.mark.alone('it is slow')" + FLAKY.format(name="flaky_alone")
WITHOUT_A_REASON = """
import pytest
@pytest.mark.alone
def test_alone(): pass
"""
FLAKY_AT_ITS_END = """
import pytest
from pathlib import Path

@pytest.fixture
def fixture():
    yield
    ran_before = Path("end")
    if not ran_before.exists():
        ran_before.touch()
        assert False, "at its end"

def test_ends_badly(fixture): pass
"""
CRASHING_ONCE = """
import os
from pathlib import Path

def test_crashing():
    ran_before = Path("crashed")
    if not ran_before.exists():
        ran_before.touch()
        os._exit(7)
"""
CRASHING = "import os\ndef test_crashing(): os._exit(7)"
UNREADABLE = "import no_such_module"


@dataclass(frozen=True)
class Ended:
    exit_code: int
    output: str

    @property
    def closing_line(self) -> str:
        return self.output.splitlines()[-1]


def run(directory: Path, *arguments: str, **suite: str) -> Ended:
    """What became of a suite of these files, by name and content."""
    (directory / "pytest.ini").write_text(CONFIGURATION)
    for name, content in suite.items():
        (directory / f"test_{name}.py").write_text(content)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "tools.run_tests", "-n", "2", *arguments],
        check=False,
        cwd=directory,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return Ended(done.returncode, done.stdout)


def test_flaky_tests_are_shown_with_their_first_failure_and_do_not_fail_the_run(tmp_path: Path) -> None:
    flaky = FLAKY.format(name="flaky")

    ended = run(tmp_path, flaky=flaky, passing=PASSING, skipped=SKIPPED, alone=ALONE_AND_FLAKY, end=FLAKY_AT_ITS_END)

    assert ended.exit_code == 0, ended.output
    shown = ended.output.partition("FLAKY:\n")[2]
    assert "test_flaky.py::test_flaky failed" in shown
    assert "the log of flaky\n" in shown
    assert "only at first" in shown
    assert "test_alone.py::test_flaky_alone failed" in shown
    assert "test_end.py::test_ends_badly failed" in shown
    assert "at its end" in shown
    assert "= 4 passed, 1 skipped, 3 flaky in " in ended.closing_line


def test_tests_that_fail_twice_fail_the_run(tmp_path: Path) -> None:
    ended = run(tmp_path, failing=FAILING, flaky=FLAKY.format(name="flaky"), passing=PASSING)

    assert ended.exit_code == 1, ended.output
    assert "test_flaky.py::test_flaky failed" in ended.output.partition("FLAKY:\n")[2]
    assert "FAILED test_failing.py::test_failing\n" in ended.output
    assert "= 1 failed, 2 passed, 1 flaky in " in ended.closing_line


def test_tests_that_must_be_alone_run_after_the_others(tmp_path: Path) -> None:
    ended = run(tmp_path, alone=ALONE, passing=PASSING)

    assert ended.exit_code == 0, ended.output
    assert "FLAKY:" not in ended.output
    assert "= 3 passed in " in ended.closing_line


def test_a_test_must_say_why_it_is_to_be_alone(tmp_path: Path) -> None:
    ended = run(tmp_path, alone=WITHOUT_A_REASON, passing=PASSING)

    assert ended.exit_code == 1, ended.output
    assert "it must say why it is to be alone" in ended.output


@pytest.mark.parametrize(
    ("arguments", "exit_code", "closing"),
    [
        pytest.param(["-k", "passing or unaccompanied"], 0, "= 2 passed in ", id="of both kinds"),
        pytest.param(["-k", "unaccompanied", "-p", "no:randomly"], 0, "= 1 passed in ", id="alone only"),
        pytest.param(["-k", "neither"], 5, "= no tests ran in ", id="none"),
        pytest.param(["test_passing.py", "-n", "0"], 0, "= 1 passed in ", id="one file in one process"),
    ],
)
def test_arguments_choose_tests(tmp_path: Path, arguments: list[str], exit_code: int, closing: str) -> None:
    ended = run(tmp_path, *arguments, alone=ALONE, passing=PASSING)

    assert ended.exit_code == exit_code, ended.output
    assert closing in ended.closing_line


@pytest.mark.parametrize("workers", ["0", "2"])
def test_file_that_cannot_be_read_fails_the_run(tmp_path: Path, workers: str) -> None:
    ended = run(tmp_path, "-n", workers, unreadable=UNREADABLE, flaky=FLAKY.format(name="flaky"))

    assert ended.exit_code not in (0, 5)
    assert "no_such_module" in ended.output


def test_test_that_ends_its_process_has_failed(tmp_path: Path) -> None:
    ended = run(tmp_path, crashing=CRASHING_ONCE, passing=PASSING)

    assert ended.exit_code == 0, ended.output
    assert "crashed while running" in ended.output.partition("FLAKY:\n")[2]
    assert "= 2 passed, 1 flaky in " in ended.closing_line


def test_test_that_always_ends_its_process_fails_the_run(tmp_path: Path) -> None:
    ended = run(tmp_path, crashing=CRASHING, passing=PASSING)

    assert ended.exit_code not in (0, 5)


def test_tries_end_when_many_tests_fail_again(tmp_path: Path) -> None:
    many = "import pytest\n@pytest.mark.parametrize('number', range(21))\ndef test_failing(number): assert False"

    ended = run(tmp_path, many=many, passing=PASSING)

    assert ended.exit_code == 1, ended.output
    assert "stopping after 5 failures" in ended.output
    assert "= 21 failed, 1 passed in " in ended.closing_line


def test_bad_argument_is_said_once(tmp_path: Path) -> None:
    ended = run(tmp_path, "--no-such-option", passing=PASSING)

    assert ended.exit_code == pytest.ExitCode.USAGE_ERROR
    assert ended.output.count("unrecognized arguments") == 1
