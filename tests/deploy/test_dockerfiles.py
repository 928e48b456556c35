"""What hadolint says of the Dockerfiles."""

import subprocess
import sysconfig
from pathlib import Path

DOCKERFILES = ("Dockerfile.gateway", "Dockerfile.worker")
HADOLINT = Path(sysconfig.get_path("scripts"), "hadolint")


def test_hadolint_finds_nothing() -> None:
    found = subprocess.run([HADOLINT, *DOCKERFILES], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (0, "")
