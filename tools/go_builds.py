"""Runs Go: checks its version, builds binaries and finds the files of modules.

A failure becomes one line for the user. The caller chooses where a binary is written, and must delete the file if a
function raises.
"""

import json
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.e2e_tools import Binary, Builds, Module

STOP_TIMEOUT_S = 10
"""Seconds for Go to end after an interrupt: it removes its temporary files, which takes a second or two."""
REASON_MAX_CHARS = 300
ROOM = "16 GB"
PLATFORM_VARIABLES = ("GOOS", "GOARCH")
"""Variables that are not passed on, because the binaries must run on this platform."""

_GO_LINE = re.compile(r"^go (\d[\d.]*)", re.MULTILINE)
_GO_VERSION = re.compile(r"\bgo(\d+(?:\.\d+)*)")
_AGAIN = "then run make e2e-tools again"
_REMEDIES = (
    (r"[Nn]o space left on device|quota exceeded", f"make room ({ROOM} is enough, Go's caches included), {_AGAIN}"),
    (r"checksum mismatch|SECURITY ERROR", "this is not what go.sum pins, and was not used; look at `go env GOPROXY`"),
    (r"signal: killed|cannot allocate memory", f"free some memory, {_AGAIN}"),
    (
        r"reading https?:|: Get \"|dial tcp|GOPROXY|proxy URL|i/o timeout|x509|TLS handshake|unexpected EOF",
        f"check the network and Go's module proxy (`go env GOPROXY`), {_AGAIN}",
    ),
)


class BuildError(Exception):
    """A build failed. The text is one line for the user: what went wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Go:
    """The `go` on PATH. `sources` contains the modules' folders."""

    builds: Builds
    sources: Path
    environment: Mapping[str, str]

    def check(self, modules: Sequence[Module]) -> None:
        """Raises BuildError if Go is missing or too old. Go can fetch a newer version of itself if this is allowed."""
        wanted = {module.name: wanted_go(self.sources / module.name / "go.mod") for module in modules}
        name = max(wanted, key=lambda name: _numbers(wanted[name]))
        advice = f"install Go {wanted[name]} or newer, {_AGAIN}"
        try:
            finished = self._run(["go", "version"], self.sources / name)
        except FileNotFoundError as error:
            raise BuildError(f"go is not on PATH: {advice}") from error
        found = _GO_VERSION.search(finished.stdout)
        if finished.returncode or not found:
            raise BuildError(f"go version failed ({_reason(finished.stderr)}): {advice}")
        if _numbers(found[1]) < _numbers(wanted[name]):
            raise BuildError(f"Go {found[1]} is too old for {name}: {advice}")

    def build(self, binary: Binary, target: Path) -> None:
        """Raises BuildError."""
        flags = [*self.builds.flags, f"-ldflags={self.builds.linker_flags(binary.module)}"]
        argv = ["go", "build", *flags, "-o", str(target), binary.package]
        finished = self._run(argv, self.sources / binary.module.name)
        if finished.returncode or not target.is_file():
            otherwise = f"`go build -o /dev/null {binary.package}` in tests/e2e/tools/{binary.module.name} says more"
            raise BuildError(failure_line(f"{binary.name} could not be built", finished.stderr, otherwise))

    def module_path(self, module: Module) -> Path:
        """Returns the folder of the module's read-only files, and downloads them if needed. Raises BuildError."""
        argv = ["go", "mod", "download", "-json", module.path]
        finished = self._run(argv, self.sources / module.name)
        described: dict[str, Any] = json.loads(finished.stdout) if finished.stdout.startswith("{") else {}
        if "Dir" not in described:
            reason = described.get("Error") or finished.stderr
            otherwise = f"`{' '.join(argv)}` in tests/e2e/tools/{module.name} says more"
            raise BuildError(failure_line(f"{module.path} could not be downloaded", reason, otherwise))
        return Path(described["Dir"])

    def _run(self, argv: Sequence[str], directory: Path) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in self.environment.items() if name not in PLATFORM_VARIABLES}
        # A go.work in a parent folder would replace the modules' own requirements.
        return run(argv, directory, {**own, **self.builds.environment, "GOWORK": "off"})


def run(argv: Sequence[str], directory: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a command. An interrupt also ends all processes that the command started, such as compilers."""
    process = subprocess.Popen(
        argv,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    with process:
        try:
            stdout, stderr = process.communicate()
        except BaseException:
            _end_group(process)
            raise
    return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)


def _end_group(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        try:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(STOP_TIMEOUT_S)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def wanted_go(module_file: Path) -> str:
    """Returns the Go version that a module file requires."""
    found = _GO_LINE.search(module_file.read_text(encoding="utf-8"))
    if found is None:
        raise BuildError(f"{module_file} has no `go` line with the required version")
    return found[1]


def failure_line(what: str, stderr: str, otherwise: str) -> str:
    """Summarizes Go's output in one line: the first line with a known remedy, or else the first line."""
    for pattern, remedy in _REMEDIES:
        telling = [line for line in stderr.splitlines() if re.search(pattern, line)]
        if telling:
            return f"{what} ({_reason(telling[0])}): {remedy}"
    return f"{what} ({_reason(stderr)}): {otherwise}"


def _reason(stderr: str) -> str:
    """Returns the first line that is neither progress nor a heading."""
    lines = [line.strip() for line in stderr.splitlines()]
    telling = [line for line in lines if line and not line.startswith(("go: downloading", "#"))]
    return telling[0][:REASON_MAX_CHARS] if telling else "go gave no reason"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".") if number)
