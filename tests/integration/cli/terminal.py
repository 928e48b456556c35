"""`mcp-k8s` as typed by a user."""

import os
import sys
import tempfile
from pathlib import Path
from shutil import rmtree

from tests.support.product import PROJECT, Process
from tests.support.waiting import wait_blocking

START_TIMEOUT_S = 60.0
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE")


class Terminal:
    """`mcp-k8s` as typed into a terminal of its own home and folder for temporary files."""

    def __init__(self) -> None:
        # Not pytest's tmp_path: its name is as long as the test's, and a socket's path is not.
        self.directory = Path(tempfile.mkdtemp(prefix="up-test-"))
        self.temporary = self.directory / "t"
        self.state = self.directory / "state" / "mcp-k8s"
        self.temporary.mkdir()
        self._processes: list[Process] = []

    def run(self, *arguments: str, **variables: str) -> Process:
        environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | {
            "HOME": str(self.directory),
            "TMPDIR": str(self.temporary),
            "XDG_STATE_HOME": str(self.directory / "state"),
            "PYTHONPATH": str(PROJECT),
            **variables,
        }
        log = self.directory / f"{len(self._processes)}.log"
        process = Process("mcp-k8s", [sys.executable, "-m", "cli.main", *arguments], environment, log)
        self._processes.append(process)
        return process

    def up(self, *arguments: str, **variables: str) -> tuple[Process, str]:
        """Returns with the URL, once it is ready."""
        process = self.run("up", "--port", "0", *arguments, **variables)
        wait_blocking(lambda: " is ready at " in _living(process), timeout_s=START_TIMEOUT_S)
        return process, process.output().partition(" is ready at ")[2].split()[0]

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.stop()
        rmtree(self.directory)


def _living(process: Process) -> str:
    output = process.output()
    if not process.is_running and " is ready at " not in output:
        raise RuntimeError(f"`up` ended at its start:\n{output}")
    return output
