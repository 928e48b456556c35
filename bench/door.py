"""Measures what the door adds to single requests, and how much of a large answer it lets through.

The clients are as small as can be: a kept-alive connection of Python's own HTTP client, and curl.
"""

import http.client
import secrets
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench import background
from bench.cluster import CONFIG_MAP, Cluster
from bench.latency import added_row
from bench.table import Row
from bench.timing import in_turn
from shared.changes import Change
from shared.effects import UNLIMITED
from shared.models import JobId
from tests.support import egress, faulty_server
from tests.support.api_server import certificates
from tests.support.faulty_server import Connection, Request
from tests.support.faulty_server.answers import CHUNKED_HEAD, chunk
from worker import loopback
from worker.door.client.client import Door
from worker.door.messages import Access

RUNS = 500
REQUEST_BUDGET_MS = 1
LIST_BYTES = 100_000_000
LIST_RUNS = 5
LIST_BUDGET = 0.6
LIST_PATH = "/api/v1/configmaps"
PIECE_BYTES = 65_536
PATCH = b'{"data":{"a":"b"}}'
"""It changes nothing, so that the server's disk is not part of what is measured."""
ITEM = b'{"metadata":{"name":"measured","namespace":"default"},"data":{"value":"' + b"v" * 900 + b'"}},'


@dataclass(frozen=True, slots=True)
class Ends:
    """URLs of the door for two servers, and the second server's own."""

    cluster: str
    large_list: str
    large_list_direct: str


class Willing:
    """Notes every change at once. The round trip to Redis that a real note takes is a row of its own."""

    async def intend(self, change: Change) -> str | None:
        return None

    def complete(self, change: Change) -> None:
        """Keeps nothing."""


def rows(cluster: Cluster) -> list[Row]:
    """Returns the door's rows."""
    token = cluster.new_token()
    with (
        tempfile.TemporaryDirectory() as directory,
        background.entered(_running(cluster, token, Path(directory)), name="door") as ends,
    ):
        return [*_requests(cluster, token, ends), _large_list(ends, Path(directory))]


def _requests(cluster: Cluster, token: str, ends: Ends) -> list[Row]:
    tls = ssl.create_default_context(cadata=cluster.ca_pem.decode())
    direct = _Client(http.client.HTTPSConnection("127.0.0.1", cluster.port, context=tls), token=token)
    address = urlsplit(ends.cluster)
    door = _Client(http.client.HTTPConnection("127.0.0.1", address.port or 0), prefix=address.path)
    timings = in_turn(
        {"read direct": direct.read, "read": door.read, "write direct": direct.write, "write": door.write}, runs=RUNS
    )
    added = {kind: timings[kind].p50 - timings[f"{kind} direct"].p50 for kind in ("read", "write")}
    return [
        added_row("the door's part in one read request, p50", added["read"], REQUEST_BUDGET_MS),
        added_row("the same in one write, without the round trip to Redis, p50", added["write"], REQUEST_BUDGET_MS),
    ]


class _Client:
    """Asks for one small object, and patches it, over one connection."""

    def __init__(self, connection: http.client.HTTPConnection, *, token: str = "", prefix: str = "") -> None:
        self._connection = connection
        self._path = prefix + CONFIG_MAP
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def read(self) -> None:
        self._ask("GET", None, {})

    def write(self) -> None:
        self._ask("PATCH", PATCH, {"Content-Type": "application/merge-patch+json"})

    def _ask(self, method: str, body: bytes | None, headers: dict[str, str]) -> None:
        self._connection.request(method, self._path, body, {**self._headers, **headers})
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{method} {self._path}: {answer.status} {text[:500]!r}")


def _large_list(ends: Ends, directory: Path) -> Row:
    """curl in the place of a CLI, which would need most of the time to read what it gets."""
    authority = str(directory / "ca.pem")
    timings = in_turn(
        {
            "direct": lambda: _curl(ends.large_list_direct, "--cacert", authority),
            "door": lambda: _curl(ends.large_list),
        },
        runs=LIST_RUNS,
    )
    direct, door = timings["direct"].p50, timings["door"].p50
    ratio = direct / door
    measured = f"{ratio:.2f} × ({_rate(door)} / {_rate(direct)})"
    what = f"a list of {LIST_BYTES // 1_000_000} MB, curl through the door against curl direct, bytes per second, p50"
    return Row(what, f"≥ {LIST_BUDGET} ×", measured, ratio >= LIST_BUDGET)


def _rate(duration_ms: float) -> str:
    return f"{LIST_BYTES / 1_000 / duration_ms:.0f} MB/s"


def _curl(url: str, *options: str) -> None:
    subprocess.run(["curl", "--silent", "--fail", "--output", "/dev/null", *options, url], check=True)


@asynccontextmanager
async def _running(cluster: Cluster, token: str, directory: Path) -> AsyncIterator[Ends]:
    certificates.write(directory)
    tls = faulty_server.tls_context(directory / "server.pem", directory / "server-key.pem")
    door = await Door.start(loopback.listener(), egress.dialer())
    try:
        async with (
            faulty_server.running(_sends_list(), tls=tls) as large,
            door.visit(
                _access(cluster.url, cluster.ca_pem.decode(), token),
                job_id=JobId("0" * 48),
                effects=UNLIMITED,
                notary=Willing(),
            ) as near,
            door.visit(
                _access(large.url, (directory / "ca.pem").read_text(), ""), job_id=JobId("1" * 48), effects=UNLIMITED
            ) as much,
        ):
            await near.admitted()
            await much.admitted()
            yield Ends(near.address.url, much.address.url + LIST_PATH, large.url + LIST_PATH)
    finally:
        await door.close()


def _access(server: str, authority: str, token: str) -> Access:
    return Access(pass_=secrets.token_urlsafe(32), principal="bench", server=server, authority=authority, token=token)


def _sends_list() -> faulty_server.Answer:
    items = ITEM * (LIST_BYTES // len(ITEM))
    body = b'{"kind":"ConfigMapList","apiVersion":"v1","metadata":{},"items":[' + items.removesuffix(b",") + b"]}"
    pieces = [chunk(body[start : start + PIECE_BYTES]) for start in range(0, len(body), PIECE_BYTES)]

    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(CHUNKED_HEAD)
        for piece in pieces:
            await connection.send(piece)
        await connection.send(chunk(b""))

    return answer
