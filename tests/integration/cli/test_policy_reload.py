"""`up` and an operator's rules: checked before anything starts, read again on a SIGHUP that ends nothing."""

import signal
from pathlib import Path

import httpx

from shared.settings import BAD_SETTINGS_EXIT_CODE
from tests.integration.cli.terminal import Terminal
from tests.support import kubeconfigs
from tests.support.waiting import wait_blocking

RULE = "rules:\n- {{name: {0}, action: deny, verbs: get}}\n"


def refusal(url: str) -> str:
    headers = {"X-Kubeconfig": kubeconfigs.encoded()}
    answer = httpx.post(f"{url}/tools/kubectl", json={"command": "get pods"}, headers=headers, timeout=30)
    return str(answer.json()["detail"])


def test_file_that_does_not_fit_is_told_before_anything_starts(terminal: Terminal) -> None:
    file = terminal.directory / "policy.yaml"
    file.write_text("rules: [}")
    process = terminal.run("up", "--port", "0", K8S_MCP_SECURITY_CONFIG=str(file))
    wait_blocking(lambda: not process.is_running, timeout_s=60)
    assert process.stop() == BAD_SETTINGS_EXIT_CODE
    assert process.output() == f"K8S_MCP_SECURITY_CONFIG: {file}: it is not valid YAML (line 1)\n"


def test_hangup_reloads_the_rules_and_ends_nothing(terminal: Terminal) -> None:
    file: Path = terminal.directory / "policy.yaml"
    file.write_text(RULE.format("first"))
    process, url = terminal.up(K8S_MCP_SECURITY_CONFIG=str(file))
    assert "rules/first" in refusal(url)
    file.write_text(RULE.format("second"))
    process.signal(signal.SIGHUP)
    wait_blocking(lambda: "policy reloaded" in process.output(), timeout_s=60)
    assert "rules/second" in refusal(url)
    assert process.is_running
