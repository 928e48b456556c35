"""Builds container images with Docker, or with buildah if there is no Docker engine."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parent.parent
CONTAINERS_CONF = PROJECT / "tools" / "stand_ins" / "containers.conf"
SYSTEMD = Path("/run/systemd/system")
"""Path that exists while systemd is the init (sd_booted(3))."""
PULL_TIMEOUT_S = 300
CA_IN_BUILD = "/run/secrets/ca.pem"
MISSING = (
    "no Docker engine answers and buildah is not installed: start Docker, or install podman and buildah with "
    "`apt-get install --no-install-recommends podman buildah runc netavark aardvark-dns iptables debootstrap`"
)


class BuildError(Exception):
    """A build failed. The text is one line for the user: what went wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Build:
    """An image to build. `contexts` are named folders that replace a stage or an image."""

    tag: str
    dockerfile: Path
    folder: Path = PROJECT
    arguments: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Builder:
    """The program that builds: `docker` or `buildah`."""

    name: str

    @property
    def engine(self) -> str:
        """The program that runs what was built."""
        return "docker" if self.name == "docker" else "podman"

    def has(self, image: str) -> bool:
        return self._inspect(image, "{{.Id}}") is not None

    def can_have(self, image: str) -> bool:
        """Whether the image exists or can be pulled."""
        if self.has(image):
            return True
        try:
            pulled = _run([self.engine, "pull", "--quiet", image], timeout_s=PULL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return False
        return pulled.returncode == 0

    def is_stand_in(self, image: str) -> bool:
        return self._inspect(image, '{{index .Config.Labels "mcp-k8s.stand-in"}}') == "true"

    def size_bytes(self, image: str) -> int:
        return int(self._inspect(image, "{{.Size}}") or 0)

    def build(self, wanted: Build) -> None:
        """Builds the image. The output goes to the terminal. Raises BuildError."""
        options = ["--file", str(wanted.dockerfile), "--tag", wanted.tag]
        for key, value in wanted.arguments.items():
            options += ["--build-arg", f"{key}={value}"]
        for key, path in wanted.contexts.items():
            options += ["--build-context", f"{key}={path}"]
        with tempfile.TemporaryDirectory(prefix="mcp-k8s-") as directory:
            options += _pip_secrets(Path(directory), os.environ)
            argv = [*self._command(), *options, str(wanted.folder)]
            if subprocess.run(argv, env=environment(), check=False).returncode:
                raise BuildError(f"{wanted.tag} was not built; see the output above")

    def _command(self) -> list[str]:
        if self.name == "docker":
            return ["docker", "buildx", "build", "--load"]
        # These options work inside a container. OCI's image format has no health checks, so this uses Docker's.
        return ["buildah", "build", "--isolation", "chroot", "--network", "host", "--format", "docker", "--layers"]

    def _inspect(self, image: str, form: str) -> str | None:
        found = _run([self.engine, "image", "inspect", "--format", form, image])
        return found.stdout.strip() if found.returncode == 0 else None


def find() -> Builder:
    """Finds a builder. Raises BuildError, which says what to install."""
    if shutil.which("docker") and _run(["docker", "info"]).returncode == 0:
        return Builder("docker")
    if shutil.which("buildah") and shutil.which("podman"):
        return Builder("buildah")
    raise BuildError(MISSING)


def environment() -> dict[str, str]:
    """Without systemd, podman's default configuration does not work, so this sets ours unless the user has set one."""
    own = dict(os.environ)
    if not SYSTEMD.exists():
        own.setdefault("CONTAINERS_CONF", str(CONTAINERS_CONF))
    return own


def _pip_secrets(directory: Path, variables: Mapping[str, str]) -> list[str]:
    """Passes PIP_CERT and PIP_INDEX_URL to the build as secrets, which do not become part of the image."""
    lines = ["[global]"]
    options: list[str] = []
    if certificate := variables.get("PIP_CERT"):
        lines.append(f"cert = {CA_IN_BUILD}")
        options += ["--secret", f"id=ca,src={certificate}"]
    if index := variables.get("PIP_INDEX_URL"):
        lines.append(f"index-url = {index}")
    if len(lines) == 1:
        return []
    configuration = directory / "pip.conf"
    configuration.touch(mode=0o600)
    configuration.write_text("\n".join(lines) + "\n")
    return [*options, "--secret", f"id=pip,src={configuration}"]


def _run(argv: Sequence[str], timeout_s: float | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        argv,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
