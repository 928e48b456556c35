"""The README's commands, executed as they stand there."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.cli.terminal import Terminal
from tests.support import cli, processes
from tests.support.api_server import ApiServer

README = Path("README.md")
MAKEFILE = Path("Makefile")
DOCUMENTED_URL = "http://127.0.0.1:9096"
SHELL_TIMEOUT_S = 30


def blocks(language: str) -> list[str]:
    """The fenced code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


CALLS = [block for block in blocks("sh") if block.startswith("curl")]


@pytest.fixture(scope="module")
def api_server() -> Iterator[ApiServer]:
    with ApiServer.start() as server:
        processes.long_lived.add(server.pid)
        yield server


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Terminal() as terminal:
        process, url = terminal.up()
        processes.long_lived.add(process.pid)
        yield url


def run(block: str, url: str, api_server: ApiServer, directory: Path) -> Any:
    """What the block prints, as JSON; it runs in a shell whose kubectl knows the test's cluster."""
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(api_server.kubeconfig())
    path = os.pathsep.join((str(cli.find("kubectl").parent), os.environ["PATH"]))
    answer = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.replace(DOCUMENTED_URL, url)],
        env={"PATH": path, "HOME": str(directory), "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        check=True,
        timeout=SHELL_TIMEOUT_S,
    )
    return json.loads(answer.stdout)


def test_first_call_answers_with_the_four_fields(url: str, api_server: ApiServer, tmp_path: Path) -> None:
    answer = run(CALLS[0], url, api_server, tmp_path)

    assert "web-1" in answer["output"]
    assert {name: answer[name] for name in ("success", "error", "exit_code")} == {
        "success": True,
        "error": None,
        "exit_code": 0,
    }


def test_asynchronous_call_answers_with_a_job_to_poll(url: str, api_server: ApiServer, tmp_path: Path) -> None:
    job = run(CALLS[1], url, api_server, tmp_path)

    ended = httpx.get(f"{url}{job['links']['self']}?wait=30", timeout=SHELL_TIMEOUT_S).json()
    assert ended["state"] == "succeeded"


def test_every_call_of_the_readme_is_executed_here() -> None:
    assert len(CALLS) == 2


def test_answer_and_client_configuration_are_json() -> None:
    shown = [json.loads(block.replace("...", "")) for block in blocks("json")]

    assert shown[0]["success"] is True
    assert shown[1]["mcpServers"]["k8s"]["url"] == f"{DOCUMENTED_URL}/mcp"


def test_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE.read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)", README.read_text()))

    assert {"run", "test"} <= named <= targets
