"""What models read of the tools, in each policy. tests/integration/mcp/test_tokens.py counts what that costs them."""

import json
import re

import mcp_types as types
import pytest

from gateway.app import create_app
from gateway.mcp import tools
from gateway.mcp.server import McpServer
from gateway.mcp.tools import ListedPolicy
from shared.tools import registry

COMMANDS = registry.names()
STRICT = ListedPolicy(only_reads=False, lists_jobs=True)
READ_ONLY = ListedPolicy(only_reads=True, lists_jobs=True)


def listed(policy: ListedPolicy) -> dict[str, types.Tool]:
    server = McpServer(create_app())
    return {tool.name: tool for tool in tools.described(server.tools, policy)}


def test_each_tool_says_what_it_is_for_how_it_is_called_and_what_is_refused() -> None:
    found = listed(STRICT)
    assert list(found) == list(tools.NAMES)
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
    hints = {name: tools.annotations(name, policy) for name in tools.NAMES}
    assert hints["cancel_job"].destructive_hint
    assert all(hints[name].read_only_hint for name in ("inspect", "get_job", "list_jobs", "read_output"))


def test_inspecting_takes_any_command_and_names_the_tools() -> None:
    inspect = listed(STRICT)["inspect"]

    properties = inspect.input_schema["properties"]
    assert properties["tool"] == {"type": "string", "enum": [*COMMANDS]}
    assert list(properties) == ["tool", *listed(STRICT)["kubectl"].input_schema["properties"]]
    assert inspect.input_schema["required"] == ["tool", "command"]
    assert inspect.output_schema == listed(STRICT)["kubectl"].output_schema
    assert inspect.annotations == types.ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
    )


def test_no_argument_may_be_null() -> None:
    assert '"null"' not in json.dumps([tool.input_schema for tool in listed(STRICT).values()])


def test_jobs_are_not_offered_to_be_listed_where_they_are_not() -> None:
    assert "list_jobs" not in listed(ListedPolicy(only_reads=False, lists_jobs=False))


def test_no_schema_names_a_credential() -> None:
    for tool in listed(STRICT).values():
        assert not re.search(
            r"kubeconfig\"|token|authori[sz]ation", json.dumps([tool.input_schema, tool.output_schema])
        )
