"""An operator's rules in a real gateway: read at the start, read again on SIGHUP, and told to whom they refuse."""

import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from shared.settings import BAD_SETTINGS_EXIT_CODE
from shared.tools import registry
from tests.integration.gateway import served
from tests.integration.gateway.mcp import mcp_caller
from tests.integration.gateway.mcp.mcp_caller import MODERN
from tests.support.hand_worker import HandWorker
from tests.support.product import Process, Product
from tests.support.waiting import wait_until

NO_EXEC = "rules:\n- {name: no-exec, action: deny, verbs: exec, why: pods are read by logs, instead: kubectl logs}\n"
NO_LOGS = "rules:\n- {name: no-logs, action: deny, verbs: logs}\n"
BROKEN = "rules:\n- name: broken\n  action: deny\n  verbs: exek\n"
END_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Ruled:
    """A gateway, its file of rules, and a caller."""

    file: Path
    process: Process
    client: httpx.AsyncClient

    async def refusal(self, command: str, tool: str = "kubectl") -> str:
        """What a caller is told; empty where the command is queued."""
        headers = served.kubeconfig_header()
        answer = await self.client.post("/jobs", json={"tool": tool, "command": command}, headers=headers)
        if answer.status_code == httpx.codes.ACCEPTED:
            return ""
        assert (answer.status_code, served.code(answer)) == (httpx.codes.FORBIDDEN, "policy-denied")
        return str(answer.json()["detail"])

    async def reload(self, text: str, event: str) -> dict[str, object]:
        """Sends SIGHUP once the file has that text, and returns the log line of the event that follows."""
        self.file.write_text(text)
        before = len(self._lines(event))
        self.process.signal(signal.SIGHUP)
        await wait_until(lambda: len(self._lines(event)) > before, timeout_s=END_TIMEOUT_S)
        return self._lines(event)[-1]

    def _lines(self, event: str) -> list[dict[str, object]]:
        whole = self.process.output().rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


@pytest.fixture
async def ruled(product: Product, tmp_path: Path, worker: HandWorker) -> AsyncIterator[Ruled]:
    await worker.announce()
    file = tmp_path / "policy.yaml"
    file.write_text(NO_EXEC)
    url = await product.gateway(K8S_MCP_SECURITY_CONFIG=str(file))
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
        yield Ruled(file, product.processes[-1], client)


@pytest.mark.parametrize("text", [BROKEN, None], ids=["broken", "missing"])
async def test_file_that_does_not_fit_stops_the_start(product: Product, tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "policy.yaml"
    if text is not None:
        file.write_text(text)
    _, process = product.start_gateway(K8S_MCP_SECURITY_CONFIG=str(file))
    await wait_until(lambda: not process.is_running, timeout_s=END_TIMEOUT_S)
    assert process.stop() == BAD_SETTINGS_EXIT_CODE
    [line] = process.output().splitlines()
    reason = f"line 4: rules[0].verbs: {' or '.join(registry.NAMES)} has no verb 'exek': did you mean 'exec'?"
    assert line == f"K8S_MCP_SECURITY_CONFIG: {file}: {reason if text else 'No such file or directory'}"


async def test_refusal_names_rule_class_and_what_is_allowed(ruled: Ruled) -> None:
    detail = await ruled.refusal("exec web -- ls")
    for part in ("write command", "rules/no-exec", "pods are read by logs", "Allowed instead: kubectl logs."):
        assert part in detail
    assert not await ruled.refusal("logs web")
    headers = served.kubeconfig_header()
    async with mcp_caller.connected(str(ruled.client.base_url).rstrip("/"), MODERN, headers) as mcp:
        result = await mcp_caller.called(mcp, "kubectl", {"command": "exec web -- ls"})
        assert mcp_caller.code(result) == "policy-denied"
        assert mcp_caller.text(result)["detail"] == detail


async def test_hangup_takes_a_good_file_and_keeps_the_rules_where_it_is_broken(ruled: Ruled) -> None:
    kept = await ruled.reload(BROKEN, "policy kept")
    assert "line 4" in str(kept["reason"])
    assert "rules/no-exec" in await ruled.refusal("exec web -- ls")
    taken = await ruled.reload(NO_LOGS, "policy reloaded")
    assert taken["rules"] == 1
    assert taken["digest"] != kept["digest"]
    assert "rules/no-logs" in await ruled.refusal("logs web")
    assert not await ruled.refusal("exec web -- ls")


async def test_rules_of_a_reloaded_file_are_those_that_clients_read(ruled: Ruled) -> None:
    await ruled.reload(NO_LOGS + "namespaces: [shop]\n", "policy reloaded")
    async with mcp_caller.connected(str(ruled.client.base_url).rstrip("/"), MODERN) as mcp:
        [content] = (await mcp.read_resource("policy://effective")).contents
    policy = json.loads(content.model_dump()["text"])
    assert policy["namespaces"] == ["shop"]
    assert [rule["name"] for rule in policy["rules"]] == ["no-logs"]


async def test_fence_is_judged_by_the_kubeconfigs_namespace(ruled: Ruled, redis: Redis) -> None:
    await ruled.reload("namespaces: [canary-namespace, shop]\n", "policy reloaded")
    assert not await ruled.refusal("get pods")
    assert not await ruled.refusal("get pods -n shop")
    queued = len(await served.queued(redis))
    for command in ("get pods -n kube-system", "get pods -A", "delete cm x -n kube-system"):
        assert "rule fence denies" in await ruled.refusal(command)
    assert len(await served.queued(redis)) == queued
