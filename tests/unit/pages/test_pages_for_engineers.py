"""docs/architecture.md and CONTRIBUTING.md name what there is."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support import page_references
from tests.support.product import PROJECT

MAP = PROJECT / "docs" / "architecture.md"
CONTRIBUTING = PROJECT / "CONTRIBUTING.md"
PAGES = [MAP, CONTRIBUTING]
ONE_PAGE_LINES = 105
PACKAGES = ("gateway", "worker", "shared", "cli")
CI_RUN = PROJECT / ".ci" / "run"


def rows_of_words() -> list[tuple[str, str]]:
    """Each word with its row."""
    return re.findall(r"^\| \*\*(\w+)\*\* (\|.*)$", MAP.read_text(), re.MULTILINE)


def targets_of_ci() -> set[str]:
    """What `.ci/run` makes, and what those targets make first."""
    named = {word for line in re.findall(r"\bmake ([a-z0-9 -]+)", CI_RUN.read_text()) for word in line.split()}
    first = re.findall(r"^([a-z0-9-]+):([a-z0-9 -]*)", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    return named | {word for target, needs in first if target in named for word in needs.split()}


def modules_of(target: str) -> set[str]:
    """The modules of ours that a target runs."""
    recipe = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", target], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return set(re.findall(r"-m tools\.(\w+)", recipe.stdout)) or {"nothing of ours"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_everything_that_a_page_names_is_there(page: Path) -> None:
    faults = page_references.faults(page.read_text())

    assert faults == [], "\n".join(faults)


@pytest.mark.parametrize(
    "text",
    [
        "`worker/lanes.py`",
        "`worker/lane.py/`",
        "`worker/run`",
        "`shared/tools/NAME/grammar.py`",
        "`LaneWorker`",
        "`worker/lane.py` `LaneRunner`",
        "`worker/lane.py` `LaneWorker.polls`",
        "`worker/lane.py` and, further on,\n\n`LaneWorker`",
        "| `worker/lane.py` |\n| `LaneWorker` |",
        "`shared/tools/NAME/definition.py` `RULES`",
        "`shared/store/lua/prelude.lua` `dequeue`",
        "`make everything`",
        "`mcp-k8s polices`",
        "`rm -r build`",
    ],
)
def test_what_is_not_there_is_found(text: str) -> None:
    assert page_references.faults(f"Before it, `worker/main.py`.\n\n{text}") != []


def test_map_is_one_page() -> None:
    assert len(MAP.read_text().splitlines()) <= ONE_PAGE_LINES


def test_stops_are_numbered_in_their_order() -> None:
    numbers = re.findall(r"^(\d+)\. \*\*", MAP.read_text(), re.MULTILINE)

    assert [int(number) for number in numbers] == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(("word", "row"), rows_of_words())
def test_each_word_stands_in_the_files_that_define_it(word: str, row: str) -> None:
    paths = [span for span in page_references.SPAN.findall(row) if page_references.PATH.fullmatch(span)]

    assert paths
    assert all(word in path or word in file.read_text() for path in paths for file in page_references.found(path))


@pytest.mark.parametrize("package", PACKAGES)
def test_each_folder_says_what_is_in_it(package: str) -> None:
    folders = {file.parent for file in (PROJECT / package).rglob("*.py")}

    assert [folder for folder in folders if not (folder / "__init__.py").read_text().startswith('"""')] == []


def test_each_command_is_run_by_ci_or_what_it_runs_is_tested() -> None:
    lines = [
        line.strip() for block in page_references.fenced(CONTRIBUTING.read_text(), "sh") for line in block.splitlines()
    ]
    named = {line.removeprefix("make ").partition(" ")[0] for line in lines}
    imported = "\n".join(file.read_text() for file in (PROJECT / "tests").rglob("test_*.py"))
    tested = set(re.findall(r"\w+", " ".join(re.findall(r"^from tools import (.+)$", imported, re.MULTILINE))))

    assert named <= page_references.targets()
    for target in named - targets_of_ci():
        assert modules_of(target) - tested == set(), target


def test_first_table_of_a_new_tool_has_the_fields_of_the_others() -> None:
    [block] = page_references.fenced(CONTRIBUTING.read_text(), "json")
    tables = [json.loads(file.read_text()) for file in page_references.found("shared/tools/NAME/table.json")]

    assert all(json.loads(block).keys() == table.keys() for table in tables)
