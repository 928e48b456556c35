"""The README from its start, on a real cluster: `up` on this machine, then its calls as they stand there."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.clients import CLIENTS
from tests.e2e.user import User
from tests.integration.cli.terminal import Terminal
from tests.support import readme
from tests.support.control_plane import ControlPlane
from tests.support.e2e_tools import E2eTools


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal() as opened:
        yield opened


def test_calls_of_the_readme_answer(terminal: Terminal, cluster: ControlPlane, tools: E2eTools, tmp_path: Path) -> None:
    _, url = terminal.up()

    def answer_to(call: str) -> Any:
        return readme.run(
            call, url=url, kubeconfig=cluster.kubeconfig(), kubectl=tools.path("kubectl"), directory=tmp_path
        )

    answer = answer_to(readme.CALLS[0])
    assert {name: answer[name] for name in ("success", "exit_code", "state")} == {
        "success": True,
        "exit_code": 0,
        "state": "succeeded",
    }
    job = answer_to(readme.CALLS[1])
    ended = httpx.get(f"{url}{job['links']['self']}?wait=30", timeout=readme.SHELL_TIMEOUT_S).json()
    assert ended["state"] == "succeeded"


@pytest.mark.parametrize("kind", list(CLIENTS))
async def test_lent_kubeconfig_serves_calls_that_bring_none(
    terminal: Terminal, cluster: ControlPlane, namespace: str, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "config"
    path.write_text(cluster.kubeconfig(namespace=namespace))
    _, url = terminal.up("--kubeconfig", str(path))
    user = User(CLIENTS[kind]((url,)), cluster, namespace, kubeconfig=None)
    await user.output("kubectl", "create configmap web --from-literal=a=b")
    assert "web" in await user.output("kubectl", "get configmaps")
    elsewhere = dataclasses.replace(user, kubeconfig=cluster.viewer_kubeconfig(namespace))
    assert "Forbidden" in ((await elsewhere.failure("kubectl", "get configmaps")).error or "")
