"""What models read of the tools, in each policy, and what that costs them."""

import json
import math
import re
import sys

import mcp_types as types
import pytest

from gateway.app import create_app
from gateway.mcp import tools
from gateway.mcp.server import McpServer
from gateway.mcp.tools import ListedPolicy
from shared.tools import registry

COMMANDS = registry.names()
MOST_TOKENS = 780 * len(COMMANDS)
"""For all tools of the server together: 3,000 with four CLIs."""
STRICT = ListedPolicy(only_reads=False, lists_jobs=True)
READ_ONLY = ListedPolicy(only_reads=True, lists_jobs=True)

_PIECE = re.compile(r" ?[A-Za-z]+|\d{1,3}| ?[^\sA-Za-z\d]+|\s+")
LETTERS_PER_TOKEN = 7
SIGNS_PER_TOKEN = 2.5


def listed(policy: ListedPolicy) -> dict[str, types.Tool]:
    server = McpServer(create_app())
    return {tool.name: tool for tool in tools.described(server.tools, policy)}


def tokens(text: str) -> int:
    """An estimate in the manner of byte-pair encoders: a split into words, numbers and signs, each piece rounded up.

    On these texts it gives a fifth more than o200k_base, the encoder of several current models.
    """
    return sum(_cost(piece) for piece in _PIECE.findall(text))


def _cost(piece: str) -> int:
    word = piece.strip()
    if word.isalpha() or not word:
        return math.ceil(len(word) / LETTERS_PER_TOKEN) or 1
    return 1 if word.isdigit() else math.ceil(len(word) / SIGNS_PER_TOKEN)


@pytest.mark.parametrize("policy", [STRICT, READ_ONLY], ids=["strict", "read-only"])
def test_all_tools_together_cost_a_model_little(policy: ListedPolicy, capsys: pytest.CaptureFixture[str]) -> None:
    found = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed(policy).values()]
    counts = {tool["name"]: tokens(json.dumps(tool, separators=(",", ":"))) for tool in found}
    with capsys.disabled():
        mode = "read-only" if policy.only_reads else "strict"
        sys.stdout.write(f"\n{mode} tools in tokens: {sum(counts.values())} of {MOST_TOKENS}, {counts}\n")
    assert sum(counts.values()) < MOST_TOKENS


def test_each_tool_says_what_it_is_for_how_it_is_called_and_what_is_refused() -> None:
    found = listed(STRICT)
    assert list(found) == list(tools.OPERATIONS)
    for name in COMMANDS:
        tool, text = registry.find(name), found[name].description or ""
        assert tool.summary in text
        assert all(f"`{example}`" in text for example in tool.examples[:2])
        assert "No shell" in text
        assert tool.refused in text
        assert not tool.refused or ("Refused: " in tool.refused and "use `" in tool.refused)
    assert all(tool.title and tool.output_schema for tool in found.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_command_promises_to_change_nothing_only_where_the_policy_sees_to_it(name: str) -> None:
    strict, read_only = listed(STRICT)[name], listed(READ_ONLY)[name]
    assert strict.annotations == types.ToolAnnotations(
        read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
    )
    assert read_only.annotations == types.ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
    )
    assert tools.ONLY_READS in (read_only.description or "")
    assert tools.ONLY_READS not in (strict.description or "")


@pytest.mark.parametrize("policy", [STRICT, READ_ONLY], ids=["strict", "read-only"])
def test_cancelling_is_a_change_in_every_policy_and_looking_is_none(policy: ListedPolicy) -> None:
    hints = {name: tools.annotations(name, policy) for name in tools.OPERATIONS}
    assert hints["cancel_job"].destructive_hint
    assert all(hints[name].read_only_hint for name in ("get_job", "list_jobs", "read_output"))


def test_jobs_are_not_offered_to_be_listed_where_they_are_not() -> None:
    assert "list_jobs" not in listed(ListedPolicy(only_reads=False, lists_jobs=False))


def test_no_schema_names_a_credential() -> None:
    for tool in listed(STRICT).values():
        assert not re.search(
            r"kubeconfig\"|token|authori[sz]ation", json.dumps([tool.input_schema, tool.output_schema])
        )
