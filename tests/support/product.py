"""The product as its users run it: real gateway and worker processes, which tests start, signal and kill."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import httpx

from shared.sealing.fernet_keys import MasterKeys
from tests.support import processes, stub
from tests.support.waiting import wait_until

PROJECT = Path(__file__).parents[2]
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0


_reserved: list[socket.socket] = []


def free_port() -> int:
    """A port on loopback that the kernel gives to nobody else while the tests run, though nobody listens on it.

    A socket that is bound, but does not listen, keeps the port from being chosen for others, a caller's end of a
    connection included. A server that names the port can still listen on it, as every server here sets SO_REUSEADDR.
    """
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind(("127.0.0.1", 0))
    _reserved.append(reservation)
    port: int = reservation.getsockname()[1]
    return port


class Process:
    """A child process whose output goes to a file, for tests that look for secrets and reasons there."""

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        pass_fds: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                processes.dying_with_parent(command),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=PROJECT,
                pass_fds=pass_fds,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def helper(self, name: str) -> int:
        """Process id of a worker's launcher or door."""
        listings = Path(f"/proc/{self.pid}/task").glob("*/children")
        children = [child for listing in listings for child in listing.read_text().split()]
        [found] = [child for child in children if f"worker.{name}" in Path(f"/proc/{child}/cmdline").read_text()]
        return int(found)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """As the out-of-memory killer does it."""
        self._process.kill()
        self._process.wait(STOP_TIMEOUT_S)

    def stop(self) -> int:
        """SIGTERM, and SIGKILL for what does not listen. The exit code."""
        if self.is_running:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
        try:
            return self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(STOP_TIMEOUT_S)

    def output(self) -> str:
        return self.log.read_text(errors="replace")


@dataclass
class Product:
    """Gateways and workers that share one Redis and one master key."""

    redis_url: str
    directory: Path
    entry: str = "tests.support.stub"
    """Module that runs as `gateway` or `worker`: the product's own parts with the stub tool registered."""
    settings: dict[str, str] = field(default_factory=dict)
    master_key: str = field(default_factory=MasterKeys.generate)
    processes: list[Process] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    """Of the gateways that were started, for workers that start after them: no command may connect there."""

    def __enter__(self) -> "Product":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self.processes):
            process.stop()

    async def gateway(self, **settings: str) -> str:
        """Starts one and returns its base URL once it is ready."""
        url, process = self.start_gateway(**settings)
        await wait_until(lambda: is_serving(url, process), timeout_s=START_TIMEOUT_S)
        return url

    def start_gateway(self, **settings: str) -> tuple[str, Process]:
        """Starts one on a port of its own and does not wait for it: its base URL and its process."""
        port = free_port()
        self.addresses.append(f"127.0.0.1:{port}")
        return f"http://127.0.0.1:{port}", self.start("gateway", K8S_MCP_PORT=str(port), **settings)

    async def worker(self, **settings: str) -> Process:
        """Starts one and returns it once it has announced itself."""
        process = self.start("worker", **settings)
        await wait_until(lambda: '"worker announced"' in _living_output(process), timeout_s=START_TIMEOUT_S)
        return process

    def start(self, part: str, **settings: str) -> Process:
        """Starts a gateway or a worker and does not wait for it."""
        return self.launch(part, [sys.executable, "-m", self.entry, part], **settings)

    def launch(self, name: str, command: list[str], **settings: str) -> Process:
        """Starts any process with the product's settings."""
        environment = {
            "PATH": os.pathsep.join((os.environ["PATH"], str(PROJECT / ".tools" / "bin"))),
            "HOME": str(self.directory),
            "TMPDIR": str(self.directory),
            "PYTHONPATH": str(PROJECT),
            "K8S_MCP_REDIS_URL": self.redis_url,
            "K8S_MCP_MASTER_KEYS": self.master_key,
            "K8S_MCP_ALLOW_LOOPBACK": "true",
            "K8S_MCP_ALLOW_LOOPBACK_FETCHES": "true",
            "K8S_MCP_SANDBOX": "prefer",
            "K8S_MCP_OWN_SERVICES": ",".join(self.addresses),
            "K8S_MCP_TOOLS_DIRECTORY": str(stub.install(self.directory)),
            **self.settings,
            **settings,
        }
        log = self.directory / f"{name}-{len(self.processes)}.log"
        process = Process(name, command, environment, log)
        self.processes.append(process)
        return process


def _living_output(process: Process) -> str:
    output = process.output()
    if not process.is_running:
        raise RuntimeError(f"the {process.name} ended at its start:\n{output}")
    return output


def is_serving(url: str, process: Process) -> bool:
    """Whether the gateway answers; `RuntimeError` with its output when it has ended."""
    _living_output(process)
    try:
        return httpx.get(f"{url}/livez", timeout=1).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
