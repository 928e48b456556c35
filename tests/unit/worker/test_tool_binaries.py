"""Which programs count as a CLI that can be contained."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from shared.models import CommandClass
from shared.tools.tool import Grammar, SandboxNeeds, Tool
from tests.support import static_elf
from worker import tool_binaries
from worker.tool_binaries import MissingTool, ToolBinary

HEADERS_BYTES = 64 + 56
KIND_OFFSET = 64
needs_elf = pytest.mark.skipif(not static_elf.IS_POSSIBLE, reason="no hand-made executable for this machine")


def tool(name: str, *, sandbox: SandboxNeeds | None = None) -> Tool:
    grammar = Grammar(
        value_flags=frozenset(),
        boolean_flags=frozenset(),
        global_flags=frozenset(),
        refused_flags={},
        verb_groups=frozenset(),
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


def with_interpreter(program: Path) -> Path:
    """Makes its one segment the name of a dynamic loader."""
    content = bytearray(program.read_bytes())
    struct.pack_into("<I", content, KIND_OFFSET, tool_binaries.PROGRAM_INTERPRETER)
    program.write_bytes(content)
    return program


@needs_elf
def test_static_program_is_one(static: Path) -> None:
    assert tool_binaries.is_static(static)


@needs_elf
def test_program_that_names_a_loader_is_none(static: Path) -> None:
    assert not tool_binaries.is_static(with_interpreter(static))


@pytest.mark.skipif(sys.platform != "linux", reason="programs are ELF files on Linux")
def test_program_of_the_system_is_judged_as_its_loader_is(tmp_path: Path) -> None:
    program = Path("/bin/sh")
    listed = subprocess.run(["/bin/sh", "-c", "ldd /bin/sh"], capture_output=True, text=True, check=False)

    assert tool_binaries.is_static(program) == ("ld-" not in listed.stdout)


@needs_elf
@pytest.mark.parametrize("length", [0, 3, 4, 6, 63, 64, 66, HEADERS_BYTES - 1])
def test_truncated_program_is_none(static: Path, length: int) -> None:
    static.write_bytes(static.read_bytes()[:length])

    assert not tool_binaries.is_static(static)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"#!/bin/sh\nexec kubectl\n" + b" " * 100, id="script"),
        pytest.param(b"\x7fELF\x01\x01" + bytes(200), id="32 bits"),
        pytest.param(b"\x7fELF\x02\x02" + bytes(200), id="big endian"),
        pytest.param(b"\x7fELF\x02\x01" + bytes(200), id="no segments"),
        pytest.param(b"MZ" + bytes(200), id="of another system"),
        pytest.param(b"\x7fELF\x02\x01" + b"\xff" * 200, id="table beyond the end"),
    ],
)
def test_what_is_no_static_elf_file_is_none(tmp_path: Path, content: bytes) -> None:
    program = tmp_path / "program"
    program.write_bytes(content)

    assert not tool_binaries.is_static(program)


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

    assert isinstance(refused, MissingTool)
    assert "no single static binary; get it" in refused.reason
    assert isinstance(taken, ToolBinary)


def test_missing_tools_are_named_with_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    found, missing = tool_binaries.find_all([tool("ctl"), tool("other")], tmp_path)

    assert found == []
    assert [(entry.tool.name, entry.reason) for entry in missing] == [
        ("ctl", "not found; get it"),
        ("other", "not found; get it"),
    ]


@pytest.mark.parametrize(("output", "version"), [("Client v12\n", "12"), ("no version\n", "unknown")])
def test_version_is_found_in_what_a_cli_prints(output: str, version: str) -> None:
    assert tool_binaries.version_in(tool("ctl"), output) == version
