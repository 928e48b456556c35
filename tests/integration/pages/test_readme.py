"""The README's commands, executed as they stand there."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import cli, readme
from tests.support.api_server import ApiServer

MAKEFILE = Path("Makefile")


def run(block: str, url: str, api_server: ApiServer, directory: Path) -> Any:
    """On the test's own API server."""
    return readme.run(
        block, url=url, kubeconfig=api_server.kubeconfig(), kubectl=cli.find("kubectl"), directory=directory
    )


def test_first_call_answers_with_the_four_fields(url: str, api_server: ApiServer, tmp_path: Path) -> None:
    answer = run(readme.CALLS[0], url, api_server, tmp_path)

    assert "web-1" in answer["output"]
    assert {name: answer[name] for name in ("success", "error", "exit_code")} == {
        "success": True,
        "error": None,
        "exit_code": 0,
    }


def test_asynchronous_call_answers_with_a_job_to_poll(url: str, api_server: ApiServer, tmp_path: Path) -> None:
    job = run(readme.CALLS[1], url, api_server, tmp_path)

    ended = httpx.get(f"{url}{job['links']['self']}?wait=30", timeout=readme.SHELL_TIMEOUT_S).json()
    assert ended["state"] == "succeeded"


def test_followed_job_is_told_to_its_end(url: str, api_server: ApiServer, tmp_path: Path) -> None:
    job = run(readme.CALLS[1], url, api_server, tmp_path)

    events = readme.printed(
        readme.CALLS[2],
        url=url,
        kubeconfig=api_server.kubeconfig(),
        kubectl=cli.find("kubectl"),
        directory=tmp_path,
        job_id=job["id"],
    )
    assert "event: end" in events


def test_every_call_of_the_readme_is_executed_here() -> None:
    assert len(readme.CALLS) == 3


def test_answer_and_client_configuration_are_json() -> None:
    shown = [json.loads(block.replace("...", "")) for block in readme.blocks("json")]

    assert shown[0]["success"] is True
    assert shown[1]["mcpServers"]["k8s"] == {"command": "mcp-k8s", "args": ["mcp-stdio"]}
    assert shown[2]["mcpServers"]["k8s"]["url"] == f"{readme.DOCUMENTED_URL}/mcp"


def test_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE.read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z0-9-]+)", readme.README.read_text()))

    assert {"run", "test"} <= named <= targets


@pytest.mark.parametrize("page", [readme.README, Path("CONTRIBUTING.md"), *sorted(Path("docs").glob("*.md"))], ids=str)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []
