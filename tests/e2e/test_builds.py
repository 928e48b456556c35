"""What `make e2e-tools` says where the real Go cannot build: one line, and nothing half-built is kept."""

import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.product import PROJECT
from tools import e2e_tools

COMMAND = (sys.executable, "-m", "tools.build_e2e_tools")
BUILD_TIMEOUT_S = 150
DISK = "64k"
"""Less than any binary needs."""
# What is on that disk goes with the namespace, and so is listed before that.
ON_A_TINY_DISK = f"""
mount -t tmpfs -o size={DISK} none "$XDG_CACHE_HOME" || exit 1
"$@"
code=$?
find "$XDG_CACHE_HOME" -type f ! -name .lock
exit $code
"""
NAMESPACE = ("/usr/bin/env", "unshare", "--map-root-user", "--mount", "sh", "-c")

pytestmark = pytest.mark.skipif(shutil.which("go") is None, reason="there is no Go on PATH")


class Refusing(http.server.BaseHTTPRequestHandler):
    """A module proxy that lets nobody in."""

    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def refusing_proxy() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, name="module proxy", daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def absent_proxy() -> Iterator[str]:
    """The port is bound, and nobody listens on it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def switched_off_proxy() -> str:
    return "off"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user for whom nothing is built yet."""
    cache = tmp_path / "cache"
    cache.mkdir()
    return {**os.environ, "XDG_CACHE_HOME": str(cache), "GOTOOLCHAIN": "local", **_caches()}


def _caches() -> dict[str, str]:
    """Go's own, which follow XDG_CACHE_HOME unless they are named."""
    names = ("GOCACHE", "GOMODCACHE")
    said = subprocess.run(["go", "env", *names], capture_output=True, text=True, check=True, timeout=BUILD_TIMEOUT_S)
    return dict(zip(names, said.stdout.splitlines(), strict=True))


def failure(environment: Mapping[str, str], *prefix: str) -> tuple[str, str]:
    """The one line that the command ends with, and what it printed before."""
    finished = subprocess.run(
        [*prefix, *COMMAND],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_TIMEOUT_S,
    )
    assert (finished.returncode, finished.stderr.count("\n")) == (1, 1), finished
    assert finished.stderr.startswith("error: etcd could not be built (")
    return finished.stderr, finished.stdout


@pytest.mark.parametrize("proxy", ["refusing_proxy", "absent_proxy", "switched_off_proxy"])
def test_refused_module_says_what_to_do(
    environment: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest, proxy: str
) -> None:
    strange = {"GOPROXY": request.getfixturevalue(proxy), "GOMODCACHE": str(tmp_path / "modules"), "GOFLAGS": ""}

    line, _ = failure({**environment, **strange})

    assert "check the network and Go's module proxy (`go env GOPROXY`)" in line
    assert left(environment) == []


def left(environment: Mapping[str, str]) -> list[str]:
    """What is in the cache folder, but for the lock."""
    folder = e2e_tools.cache_folder(environment).path
    return sorted(path.name for path in folder.rglob("*") if path.name != ".lock")


@pytest.fixture
def namespace_prefix() -> tuple[str, ...]:
    """Runs a shell's script where its mounts are its own."""
    tried = subprocess.run([*NAMESPACE, "mount -t tmpfs none /mnt"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("this user cannot mount a tiny disk")
    return NAMESPACE


def test_full_disk_says_what_to_do(environment: dict[str, str], namespace_prefix: tuple[str, ...]) -> None:
    line, printed = failure(environment, *namespace_prefix, ON_A_TINY_DISK, "sh")

    assert "no space left on device): make room (16 GB is enough" in line
    assert [printed_line.split(" ... ")[1] for printed_line in printed.splitlines()] == ["not built"]
