"""Counts the runs of commands: each `counted` run of the stub says when it starts and when it ends.

The stub holds its connection for as long as it lives, so the server also knows which runs are alive, and tells those
that hold when to go on: that a command ran twice, or outlived its worker, is seen and not inferred. The sandbox lets
a command connect to loopback where it names the place by its URL, and the caller's kubeconfig names this server too.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.stub import KUBECONFIG
from tests.support.waiting import wait_until

START_TIMEOUT_S = 60.0


class CountingServer:
    """On a port of loopback. A mark names a command; each run of it counts."""

    def __init__(self) -> None:
        self.port = 0
        self.starts: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        """Runs that came to their own end; a run that was killed has none."""
        self.alive: Counter[str] = Counter()
        self._held: dict[str, list[asyncio.Transport]] = {}

    @property
    def kubeconfig(self) -> str:
        config = json.loads(KUBECONFIG)
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        return json.dumps(config)

    def command(self, verb: str, mark: str, behaviour: str = "end") -> str:
        """For the tool `stub`: `end` at once, `hold` until released, `deaf` to SIGTERM, or `pause=SECONDS`."""
        return f"{verb} counted --url=http://127.0.0.1:{self.port}/{mark}/{behaviour}"

    async def started(self, mark: str, times: int = 1) -> None:
        await wait_until(lambda: self.starts[mark] >= times, timeout_s=START_TIMEOUT_S)

    async def gone(self, mark: str, *, timeout_s: float = 5) -> None:
        """No run of it is alive."""
        await wait_until(lambda: not self.alive[mark], timeout_s=timeout_s)

    def release(self, mark: str) -> None:
        """Lets the runs that hold come to their end, with success."""
        for transport in self._held.get(mark, []):
            transport.write(b"go\n")

    def is_running(self, mark: str) -> bool:
        return bool(self.alive[mark])

    def add(self, mark: str, transport: asyncio.Transport) -> None:
        self.starts[mark] += 1
        self.alive[mark] += 1
        self._held.setdefault(mark, []).append(transport)
        transport.write(b"counted\n")

    def remove(self, mark: str, transport: asyncio.Transport) -> None:
        self.alive[mark] -= 1
        self._held[mark].remove(transport)


class _Run(asyncio.Protocol):
    """The connection of one run."""

    def __init__(self, server: CountingServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._mark: str | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            word, mark = line.decode().split(" ", 1)
            if word == "end":
                self._server.ends[mark] += 1
            elif self._transport is not None:
                self._mark = mark
                self._server.add(mark, self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._mark is not None and self._transport is not None:
            self._server.remove(self._mark, self._transport)


@asynccontextmanager
async def counting_server() -> AsyncIterator[CountingServer]:
    """Counts for as long as the block runs."""
    counting = CountingServer()
    server = await asyncio.get_running_loop().create_server(lambda: _Run(counting), "127.0.0.1", 0)
    async with server:
        counting.port = server.sockets[0].getsockname()[1]
        yield counting
