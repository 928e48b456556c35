"""One process of a cluster, a server or a sentinel, and what a test asks it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.support.sentinel.plan import HOST, Account, Certificates, Directives
from tests.support.server_process import ServerProcess
from tests.support.waiting import wait_until

START_TIMEOUT_S = 30.0
ASK_TIMEOUT_S = 2.0
"""One that stands still does not answer: a test must not wait for it."""


class Member:
    """Keeps its port, its data and its configuration, which sentinels rewrite, through every restart."""

    def __init__(
        self,
        name: str,
        port: int,
        directory: Path,
        *,
        command: Sequence[str],
        account: Account | None,
        certificates: Certificates | None,
    ) -> None:
        self.name = name
        self.port = port
        """Its own, where it can be asked also when the network before it is cut."""
        self.directory = directory
        self._account = account
        self._certificates = certificates
        self._process = ServerProcess([command[0], str(self._config), *command[1:]], directory / "log")

    def __repr__(self) -> str:
        return f"<{self.name} at {self.port}>"

    @property
    def _config(self) -> Path:
        return self.directory / "config"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_started(self) -> bool:
        return self._process.is_started

    def configure(self, directives: Directives) -> None:
        self.directory.mkdir()
        self._config.write_text("".join(f"{name} {value}\n" for name, value in directives))

    async def start(self) -> None:
        """Returns once it answers."""
        self._process.start()
        await wait_until(self.answers, timeout_s=START_TIMEOUT_S)

    def kill(self) -> None:
        """As the out-of-memory killer does it."""
        self._process.kill()

    def pause(self) -> None:
        self._process.pause()

    def resume(self) -> None:
        self._process.resume()

    @asynccontextmanager
    async def client(self, *, text: bool = True) -> AsyncIterator[Redis]:
        """A client of this process itself, past every network, that waits for no longer than `ASK_TIMEOUT_S`.

        Its answers are `text`, or bytes.
        """
        account, certificates = self._account, self._certificates
        async with Redis(
            host=HOST,
            port=self.port,
            username=(account.user or None) if account else None,
            password=account.password if account else None,
            socket_timeout=ASK_TIMEOUT_S,
            socket_connect_timeout=ASK_TIMEOUT_S,
            decode_responses=text,
            ssl=certificates is not None,
            ssl_ca_certs=str(certificates.ca) if certificates else None,
        ) as client:
            yield client

    async def ask(self, *words: str) -> Any:
        """The answer to one command. Raises RedisError, and OSError where nobody listens."""
        async with self.client() as client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py leaves it so

    async def answers(self) -> bool:
        self._process.ensure_running()
        try:
            return await self.ask("PING") is not None
        except (RedisError, OSError):
            return False
