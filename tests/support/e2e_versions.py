"""Whether a binary that somebody else built runs here, and is of the version that the end-to-end tests are for."""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.tools import registry
from tools.e2e_tools import Binary

TIMEOUT_S = 30.0
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    **{tool.name: tool.version_arguments for tool in registry.tools()},
    "pilot-discovery": ("version",),
}
"""How those are asked that `--version` does not tell it."""
ISTIO_VERSION = "istio.io/istio/pkg/version.buildVersion"
"""What Istio's binaries say, whose module has a commit for a version."""
MINOR = re.compile(r"(?<![\d.])v?(\d+\.\d+)(?=[.\s\"+-]|$)")
SAID_MAX_CHARS = 80


class UnfitError(Exception):
    """It does not serve; the text says why, in part of a line."""


def wanted(binary: Binary) -> str:
    """As `1.37`: patches of one minor have the same flags and answers, which is what the tests rely on."""
    version = binary.module.variables.get(ISTIO_VERSION, binary.module.version)
    found = MINOR.search(version)
    assert found, version
    return found[1]


def check(binary: Binary, path: Path) -> None:
    """Runs it with no home and no kubeconfig of the user's. Raises UnfitError."""
    with tempfile.TemporaryDirectory() as home:
        said = _answer([str(path), *QUESTIONS.get(binary.name, ("--version",))], home)
    found = MINOR.search(said)
    if found is None:
        raise UnfitError(f"does not say its version (but {_shortened(said)!r})")
    if found[1] != wanted(binary):
        raise UnfitError(f"is of version {found[1]}")


def _answer(argv: Sequence[str], home: str) -> str:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": home}
    try:
        finished = subprocess.run(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise UnfitError(f"does not run here ({error.strerror})") from error
    except subprocess.TimeoutExpired as error:
        raise UnfitError(f"did not say its version within {TIMEOUT_S:.0f} s") from error
    if finished.returncode < 0:
        raise UnfitError(f"does not run here (ended by {signal.Signals(-finished.returncode).name})")
    if finished.returncode:
        raise UnfitError(f"does not say its version (but {_shortened(finished.stderr.decode(errors='replace'))!r})")
    return finished.stdout.decode(errors="replace")


def _shortened(said: str) -> str:
    return next(iter(said.splitlines()), "")[:SAID_MAX_CHARS]
