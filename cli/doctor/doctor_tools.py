"""Finds CLIs and filters as a worker does, and runs each CLI without a sandbox to get its version."""

import os
import subprocess
import tempfile
from pathlib import Path

from cli.doctor.check import Check, Status
from cli.up import environment
from shared.command.filters import FILTERS
from shared.tools import registry
from shared.tools.tool import Tool
from worker.machine import filter_binaries, tool_binaries
from worker.machine.programs import Missing
from worker.machine.tool_binaries import ToolBinary

VERSION_LIMIT_S = 30.0


def tools(directory: Path | None) -> list[Check]:
    """Returns one check for each tool of the registry, and one more if no tool is found."""
    checks = [_check(tool_binaries.find(tool, directory), directory) for tool in registry.tools()]
    if all(check.status is Status.MISSING for check in checks):
        checks.append(Check("tools", Status.MISSING, "a worker needs at least one of them", is_needed=True))
    return checks


def filters(directory: Path | None, *, sandboxed: bool) -> Check:
    """Returns one check for all text filters, the programs after a `|`. No tool needs a filter."""
    found, missing = filter_binaries.find_all(FILTERS, directory, sandboxed=sandboxed)
    lacking = [f"no {each.name} ({each.reason})" for each in missing]
    text = "; ".join([", ".join(found) or "none", *lacking])
    return Check("filters", Status.WARNING if lacking else Status.OK, text)


def _check(found: ToolBinary | Missing, directory: Path | None) -> Check:
    if isinstance(found, Missing):
        return Check(found.name, Status.MISSING, found.reason)
    name, version = found.tool.name, ask_version(found)
    if version is None:
        return Check(name, Status.MISSING, f"{found.path} does not run; {found.tool.install_hint}")
    text = f"{version}, {_linkage(found.tool)}: {found.path}"
    if problem := found.tool.age_problem(version):
        return Check(name, Status.WARNING, f"{text}; {problem}; {_newer(found.tool, directory)}")
    return Check(name, Status.OK, text)


def _newer(tool: Tool, directory: Path | None) -> str:
    """Says how to get a newer version. `make tools` does not replace a CLI in the operator's folder."""
    is_fetched = directory is None and environment.is_source_tree()
    return f"run `make tools`, or {tool.install_hint}" if is_fetched else tool.install_hint


def ask_version(binary: ToolBinary) -> str | None:
    """Returns the version that the CLI prints; None if it fails or takes more than `VERSION_LIMIT_S`."""
    with tempfile.TemporaryDirectory(prefix="mcp-k8s-doctor-") as home:
        try:
            answer = subprocess.run(
                [str(binary.path), *binary.tool.version_arguments],
                env={"HOME": home, "PATH": os.defpath},
                cwd=home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=VERSION_LIMIT_S,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
    return tool_binaries.version_in(binary.tool, answer.stdout.decode("utf-8", "replace"))


def _linkage(tool: Tool) -> str:
    return "not static, as its entry allows" if tool.sandbox.executable else "static"
