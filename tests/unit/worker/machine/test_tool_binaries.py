"""Which programs count as a CLI that can be contained."""

from pathlib import Path

import pytest

from shared.models import CommandClass
from shared.tools.table import Table
from shared.tools.tool import Grammar, SandboxNeeds, Tool
from tests.support import static_elf
from worker.machine import tool_binaries
from worker.machine.programs import Missing
from worker.machine.tool_binaries import ToolBinary

needs_elf = pytest.mark.skipif(not static_elf.IS_POSSIBLE, reason="no hand-made executable for this machine")


def tool(name: str, *, sandbox: SandboxNeeds | None = None) -> Tool:
    grammar = Grammar(
        table=Table(version="1"),
        refused_flags={},
        classes={"get": CommandClass.READ},
        refused_verbs={},
    )
    return Tool(
        name=name,
        summary="",
        examples=(),
        grammar=grammar,
        version_arguments=("version",),
        version_pattern=r"v(\d+)",
        install_hint="get it",
        sandbox=sandbox or SandboxNeeds(),
    )


@pytest.fixture
def static(tmp_path: Path) -> Path:
    return static_elf.write(tmp_path / "static")


@needs_elf
def test_tool_is_looked_for_in_the_directory_before_path(
    static: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
        static_elf.write(folder / "ctl")
    monkeypatch.setenv("PATH", str(other))

    assert tool_binaries.find(tool("ctl"), own) == ToolBinary(tool("ctl"), own / "ctl")
    assert tool_binaries.find(tool("ctl"), None) == ToolBinary(tool("ctl"), other / "ctl")


@needs_elf
def test_link_is_followed_to_the_program_that_is_executed(static: Path, tmp_path: Path) -> None:
    (tmp_path / "ctl").symlink_to(static)

    found = tool_binaries.find(tool("ctl"), tmp_path)

    assert isinstance(found, ToolBinary)
    assert found.path == static.resolve()


def test_script_is_missing_unless_its_entry_says_what_it_needs(tmp_path: Path) -> None:
    script = tmp_path / "ctl"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)

    refused = tool_binaries.find(tool("ctl"), tmp_path)
    taken = tool_binaries.find(tool("ctl", sandbox=SandboxNeeds(executable=("/bin",))), tmp_path)

    assert isinstance(refused, Missing)
    assert "not a static binary; get it" in refused.reason
    assert isinstance(taken, ToolBinary)


def test_missing_tools_are_named_with_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    found, missing = tool_binaries.find_all([tool("ctl"), tool("other")], tmp_path)

    assert found == {}
    assert [(entry.name, entry.reason) for entry in missing] == [
        ("ctl", "not found; get it"),
        ("other", "not found; get it"),
    ]


@pytest.mark.parametrize(("output", "version"), [("Client v12\n", "12"), ("no version\n", "unknown")])
def test_version_is_found_in_what_a_cli_prints(output: str, version: str) -> None:
    assert tool_binaries.version_in(tool("ctl"), output) == version
