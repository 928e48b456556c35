"""Runs programs of Node that are MCP clients: what `make node-tools` has installed."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import processes
from tools import node_clients

INSPECTOR = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
TIMEOUT_S = 100.0
"""Ends a program that hangs: none needs a tenth of it."""


@dataclass(frozen=True)
class Ran:
    exit_code: int
    output: str
    errors: str


@dataclass(frozen=True)
class Node:
    """The interpreter, and the folder that it finds packages in."""

    interpreter: Path
    folder: Path

    @property
    def packages(self) -> Path:
        return self.folder / "node_modules"

    def run(self, program: Path, *arguments: str, home: Path) -> Ran:
        """Runs it to its end, with a home of its own; its whole process group ends with it."""
        with subprocess.Popen(
            processes.dying_with_parent([str(self.interpreter), str(program), *arguments]),
            env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "NO_COLOR": "1"},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as child:
            try:
                output, errors = child.communicate(timeout=TIMEOUT_S)
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
        return Ran(child.returncode, output, errors)

    def run_script(self, name: str, *arguments: str, home: Path) -> Ran:
        """Runs a script of ours, copied to where it finds the packages: Node looks for them beside the script."""
        (home / "node_modules").symlink_to(self.packages)
        return self.run(Path(shutil.copy(node_clients.SOURCES_PATH / name, home / name)), *arguments, home=home)


def find() -> Node:
    """Skips the test, with the reason, where there is none."""
    folder = node_clients.folder(os.environ)
    try:
        if not folder.is_dir():
            raise node_clients.NodeMissingError(_reason())
        return Node(node_clients.interpreter(folder), folder)
    except node_clients.NodeMissingError as error:
        pytest.skip(f"no MCP clients of Node: {error}")


def _reason() -> str:
    if shutil.which("npm") is None:
        return "npm is not on PATH"
    return f"`{node_clients.COMMAND}` has not installed them, and says why"
