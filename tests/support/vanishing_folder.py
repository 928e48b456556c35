"""A folder with secrets in it that is gone when the processes that use it are, however these ended."""

import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

STOP_TIMEOUT_S = 10.0
REAPER = """
import shutil, sys
sys.stdin.buffer.read()
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


class VanishingFolder:
    """For its owner alone. A process beside this one waits until nobody holds `lifeline` any more, and removes it."""

    def __init__(self, prefix: str) -> None:
        self.path = Path(tempfile.gettempdir(), f"{prefix}{secrets.token_hex(8)}")
        # There before the folder is. Signals for a terminal's whole group are not for it, hence a session of its own.
        self._reaper = subprocess.Popen(
            [sys.executable, "-ISc", REAPER, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        try:
            self.path.mkdir(mode=0o700)
        except BaseException:
            self.remove()
            raise

    @property
    def pid(self) -> int:
        """Of the process beside this one."""
        return self._reaper.pid

    @property
    def lifeline(self) -> int:
        """A descriptor. The folder outlives a killed owner for as long as a process that inherited it lives."""
        assert self._reaper.stdin is not None
        return self._reaper.stdin.fileno()

    def remove(self) -> None:
        """Now: nobody uses it any more."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._reaper.kill()
        self._reaper.communicate(timeout=STOP_TIMEOUT_S)
