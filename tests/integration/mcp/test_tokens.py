"""What all tools of the server cost a model, counted by an encoder of current models (o200k_base)."""

import json
import sys
from pathlib import Path

import pytest

from gateway.app import create_app
from gateway.mcp import tools
from gateway.mcp.server import McpServer
from gateway.mcp.tools import ListedPolicy
from tests.integration.mcp.node import Node

MOST_TOKENS = 1_700
READ = ("name", "description", "inputSchema")
"""What clients show to a model."""


@pytest.mark.parametrize("only_reads", [False, True], ids=["strict", "read-only"])
def test_all_tools_together_cost_a_model_little(
    node_clients: Node, home: Path, capsys: pytest.CaptureFixture[str], *, only_reads: bool
) -> None:
    listed = tools.described(McpServer(create_app()).tools, ListedPolicy(only_reads=only_reads, lists_jobs=True))
    shown = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed]
    texts = {tool["name"]: json.dumps({part: tool[part] for part in READ}, separators=(",", ":")) for tool in shown}
    (home / "texts.json").write_text(json.dumps({**texts, "all": f"[{','.join(texts.values())}]"}))

    ran = node_clients.run_script("tokens.mjs", str(home / "texts.json"), home=home)
    counts: dict[str, int] = json.loads(ran.output)

    with capsys.disabled():
        sys.stdout.write(f"\ntools in tokens: {counts['all']} of {MOST_TOKENS}, {counts}\n")
    assert counts["all"] <= MOST_TOKENS
