"""The process of a server that tests kill, pause and start again; it dies with the tests."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support import processes


class ServerProcess:
    """One process at a time, always started by the same command, whose output goes to a file."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.log = log
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._started().pid

    @property
    def is_started(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Does not wait until it serves."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                processes.dying_with_parent(self._command), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """Ends the server at once, without a chance to write anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It takes connections but answers none, as a server that stands still."""
        self._started().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._started().send_signal(signal.SIGCONT)

    def ensure_running(self) -> None:
        """Raises RuntimeError, with what it printed, if it has ended by itself."""
        if self._started().poll() is not None:
            raise RuntimeError(f"the server ended:\n{self.log.read_text()}")

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process
