"""compose.yaml in the hands of a test, run by Docker or podman as a user would run it."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import builders
from tools.builders import BuildError

PROJECT = Path(__file__).parents[2]
PROJECT_NAME = "mcp-k8s-test"
COMMAND_TIMEOUT_S = 240
CONNECT_TIMEOUT_S = 5
NETWORKS = ("store", "front", "clusters")
SERVICES = ("secrets", "redis", "gateway", "worker")


class ComposeMissingError(Exception):
    """Nothing here runs compose.yaml; the text says what to install."""


@dataclass(frozen=True, slots=True)
class Compose:
    """One installation, under a name of its own beside the user's."""

    engine: str
    command: tuple[str, ...]
    port: int
    files: tuple[str, ...] = ("compose.yaml",)
    project: str = PROJECT_NAME

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __call__(self, *arguments: str) -> str:
        """Runs compose with these arguments."""
        files = [part for file in self.files for part in ("-f", file)]
        return self._run([*self.command, "--project-name", self.project, *files, *arguments])

    def up(self, workers: int = 1) -> None:
        self("up", "--detach", "--no-build", "--scale", f"worker={workers}")

    def down(self) -> None:
        """Volumes too."""
        for worker in self.containers("worker", "--all"):  # podman-compose forgets those of an earlier --scale
            self.run("rm", "--force", worker)
        self("down", "--volumes", "--timeout", "5")

    def containers(self, service: str, *options: str) -> list[str]:
        """Ids of those that run."""
        label = f"label=com.docker.compose.service={service}"
        project = f"label=com.docker.compose.project={self.project}"
        return self.run("ps", "--quiet", "--no-trunc", "--filter", label, "--filter", project, *options).split()

    def logs(self) -> str:
        """Of every container, the end."""
        found = [container for service in SERVICES for container in self.containers(service, "--all")]
        return "\n".join(self.run("logs", "--tail", "20", container) for container in found)

    def run(self, *arguments: str) -> str:
        """Docker's or podman's own command."""
        return self._run([self.engine, *arguments])

    def can_connect(self, container: str, host: str, port: int) -> bool:
        """Whether a program in the container can, now."""
        connect = f"import socket; socket.create_connection(({host!r}, {port}), {CONNECT_TIMEOUT_S})"
        try:
            self.run("exec", container, "python", "-c", connect)
        except AssertionError:
            return False
        return True

    def execute(self, service: str, *argv: str) -> str:
        """In the service's first container."""
        return self.run("exec", self.containers(service)[0], *argv)

    def inspect(self, container: str, form: str) -> str:
        return self.run("inspect", "--format", form, container).strip()

    def gateway_address_of(self, network: str) -> str:
        """This machine's address in a network of the installation: what containers reach it by."""
        [found] = json.loads(self.run("network", "inspect", f"{self.project}_{network}"))
        subnets = found.get("subnets") or found["IPAM"]["Config"]
        address: str = subnets[0].get("gateway") or subnets[0]["Gateway"]
        return address

    def pin_bridges(self, networks: Sequence[str] = NETWORKS) -> None:
        """Fixes the hardware addresses of podman's bridges, where this user may: older versions leave them to chance.

        Such a bridge takes another one when a container comes or goes, and for some seconds the others look for this
        machine, and so for the name server, at the old one.
        """
        for network in networks if self.engine == "podman" and shutil.which("ip") else ():
            [found] = json.loads(self.run("network", "inspect", f"{self.project}_{network}"))
            address = Path("/sys/class/net", found["network_interface"], "address")
            if address.exists() and os.geteuid() == 0:
                self._run(
                    ["ip", "link", "set", "dev", found["network_interface"], "address", address.read_text().strip()]
                )

    def _run(self, argv: Sequence[str]) -> str:
        finished = subprocess.run(
            argv,
            env={**builders.environment(), "MCP_K8S_PORT": str(self.port)},
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if "logs" in argv else subprocess.PIPE,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        assert finished.returncode == 0, f"{' '.join(argv)}:\n{finished.stdout}\n{finished.stderr}"
        return finished.stdout


def find(port: int) -> Compose:
    """Raises ComposeMissingError."""
    try:
        builder = builders.find()
    except BuildError as error:
        raise ComposeMissingError(str(error)) from error
    if builder.engine == "docker":
        return Compose("docker", ("docker", "compose"), port)
    program = shutil.which("podman-compose", path=os.environ.get("PATH"))
    if program is None:
        raise ComposeMissingError("no podman-compose on PATH: pipx install podman-compose")
    return Compose("podman", (program,), port)
