"""`mcp-k8s kubeconfig`: what it prints, and where."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.kubeconfig import cluster_access
from tests.support import credential_program, kubeconfigs
from tests.support.credential_program import CredentialProgram
from tests.support.product import PROJECT

END_TIMEOUT_S = 30


@pytest.fixture
def program(tmp_path: Path) -> CredentialProgram:
    return credential_program.install(tmp_path / "program")


@pytest.fixture
def path(program: CredentialProgram, tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfigs.text(users=[{"name": "canary-user", "user": program.user()}]))
    return path


def run(*arguments: str, home: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "kubeconfig", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(home), **variables},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=END_TIMEOUT_S,
        check=False,
    )


def decoded(value: str) -> dict[str, Any]:
    """As a gateway takes it."""
    text = base64.b64decode(value, validate=True).decode()
    found: dict[str, Any] = json.loads(cluster_access.rebuild(text, context=None, allow_loopback=False).kubeconfig)
    return found


def test_header_value_is_one_line_with_a_token_for_one_context(path: Path, tmp_path: Path) -> None:
    answer = run("--kubeconfig", str(path), "--context", "there", home=tmp_path)

    assert (answer.returncode, answer.stderr, answer.stdout.count("\n")) == (0, "", 1)
    config = decoded(answer.stdout.strip())
    assert config["users"][0]["user"] == {"token": "canary-token-1"}
    assert [entry["name"] for entry in config["contexts"]] == ["there"]


def test_environments_kubeconfig_and_argo_cd_become_headers(path: Path, tmp_path: Path) -> None:
    variables = {"KUBECONFIG": str(path), "ARGOCD_SERVER": "argo.example:443", "ARGOCD_AUTH_TOKEN": "secret"}
    answer = run("--headers", home=tmp_path, **variables)

    headers = json.loads(answer.stdout)
    assert headers.keys() == {"X-Kubeconfig", "X-Argocd-Server", "X-Argocd-Auth-Token"}
    assert decoded(headers["X-Kubeconfig"])["users"][0]["user"] == {"token": "canary-token-1"}


def test_failure_goes_to_standard_error_alone(program: CredentialProgram, path: Path, tmp_path: Path) -> None:
    program.behave(exit_code=1, complaint="log in first")

    answer = run("--kubeconfig", str(path), home=tmp_path)

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.endswith("ended with exit code 1: log in first\n")


def test_missing_kubeconfig_is_told(tmp_path: Path) -> None:
    answer = run(home=tmp_path)

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("error: ~/.kube/config does not exist")
