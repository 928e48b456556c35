"""The server in the hands of a test: start it, write kubeconfigs for it, stall and count its requests."""

import json
import select
import ssl
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support import processes
from tests.support.api_server import kubeconfig
from tests.support.api_server.announcement import Announcement

PROJECT = Path(__file__).parents[3]
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
WAIT_S = 10.0
"""How long a test waits for a stall by default: the start of a CLI and its discovery, on a loaded machine."""
ANSWER_MARGIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What reached the server since its start. `texts` are those of the asked ones that a request held."""

    texts: list[str]
    requests: int


class ApiServer:
    """A running server. It ends with `close`, with the `with` statement, or when this process ends, however it ends."""

    def __init__(self, process: "subprocess.Popen[str]", announcement: Announcement) -> None:
        self._process = process
        self._announcement = announcement
        self._ca_pem = Path(announcement.ca_path).read_bytes()
        self._tls = ssl.create_default_context(cadata=self._ca_pem.decode())

    @classmethod
    def start(cls, *, latency_ms: float = 0, port: int = 0) -> Self:
        """Returns once it can be connected to. Raises RuntimeError."""
        options = [f"--port={port}", f"--latency-ms={latency_ms}", "--end-with-stdin"]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.api_server", *options],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            return cls(process, _announcement(process))
        except BaseException:
            _end(process)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @classmethod
    @contextmanager
    def long_lived(cls) -> Iterator["ApiServer"]:
        """One for a session's fixture: no test has left it behind."""
        with cls.start() as server:
            processes.long_lived.add(server.pid)
            yield server

    @property
    def url(self) -> str:
        return self._announcement.url

    @property
    def port(self) -> int:
        return self._announcement.port

    @property
    def token(self) -> str:
        return self._announcement.token

    @property
    def ca_pem(self) -> bytes:
        return self._ca_pem

    @property
    def kubeconfig_path(self) -> str:
        """A file with what `kubeconfig()` returns; it goes with the server."""
        return self._announcement.kubeconfig_path

    @property
    def pid(self) -> int:
        return self._process.pid

    def kubeconfig(
        self,
        *,
        token: str | None = None,
        namespace: str = "default",
        contexts: Mapping[str, str] | None = None,
        url: str | None = None,
    ) -> str:
        """Its text. The current context, `test`, has `namespace`; `contexts` adds others: name → namespace."""
        others = {"other": "other"} if contexts is None else contexts
        return kubeconfig.text(
            url or self.url, self._ca_pem, self.token if token is None else token, {"test": namespace, **others}
        )

    def stall(self, name: str | None = None) -> "Stall":
        """A place at which requests wait. Without a name it is one that nobody else has."""
        return Stall(self, name or uuid.uuid4().hex[:8])

    async def requests(self) -> dict[str, int]:
        """How often each method and path was asked since the start: `{"GET /api/v1/namespaces/default/pods": 2}`."""
        answer = await self.control("GET", "requests")
        return {path: int(count) for path, count in answer.json().items()}

    async def heard(self, *texts: str) -> Heard:
        """How many requests there were, and those of the texts that one held, as they are or in base64."""
        answer = await self.control("GET", "heard", text=texts)
        return Heard(**answer.json())

    async def control(self, method: str, path: str, **query: Any) -> httpx.Response:
        """One request below /control/. Raises httpx.HTTPStatusError."""
        timeout_s = float(query.get("wait", 0)) + ANSWER_MARGIN_S
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=timeout_s) as client:
            answer = await client.request(method, f"{self.url}/control/{path}", params=query, headers=headers)
        return answer.raise_for_status()

    def close(self) -> None:
        """What is stalled ends unanswered."""
        _end(self._process)


@dataclass(frozen=True, slots=True)
class Stall:
    """Requests that name it wait, from the first on, until `release`; later ones pass.

    Which requests: `raw_path` (no answer until the release), `stream_path` (`before` at once, `after` then), every
    request for objects in `namespace`, and the followed log of pod NAME for the stall `log-NAME`.
    """

    server: ApiServer
    name: str

    @property
    def raw_path(self) -> str:
        return f"/healthz/stall/{self.name}"

    @property
    def stream_path(self) -> str:
        return f"/healthz/stream/{self.name}"

    @property
    def namespace(self) -> str:
        return f"stall-{self.name}"

    async def reached(self, times: int = 1, *, timeout_s: float = WAIT_S) -> None:
        """Waits until that many requests have arrived, since the start. Raises TimeoutError."""
        await self._wait_for("reached", times, timeout_s)

    async def abandoned(self, times: int = 1, *, timeout_s: float = WAIT_S) -> None:
        """Waits until the clients of that many waiting requests have left. Raises TimeoutError."""
        await self._wait_for("abandoned", times, timeout_s)

    async def release(self) -> None:
        await self.server.control("POST", f"release/{self.name}")

    async def _wait_for(self, event: str, times: int, timeout_s: float) -> None:
        try:
            await self.server.control("GET", f"{event}/{self.name}", times=times, wait=timeout_s)
        except httpx.HTTPStatusError as error:
            raise TimeoutError(error.response.json()["message"]) from error


def _announcement(process: "subprocess.Popen[str]") -> Announcement:
    assert process.stdout is not None
    is_ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
    line = process.stdout.readline() if is_ready else ""
    if not line:
        raise RuntimeError(f"the API server did not start within {START_TIMEOUT_S} s")
    return Announcement(**json.loads(line))


def _end(process: "subprocess.Popen[str]") -> None:
    """The end of its stdin ends it."""
    try:
        process.communicate(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
