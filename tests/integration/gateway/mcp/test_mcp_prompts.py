"""Prompts and resources over a real gateway process, with the official client in every mode that it has."""

import json
import shlex
from typing import Any

import httpx
import mcp_types as types
import pytest
from mcp.shared.exceptions import MCPError

from gateway.mcp import prompts
from shared.command import parser
from shared.events import EventKind
from shared.models import CommandClass
from shared.tools import registry
from tests.integration.gateway import served
from tests.integration.gateway.mcp import mcp_caller
from tests.integration.gateway.mcp.mcp_caller import MODERN, MODES
from tests.integration.gateway.served import Served
from tests.support.hand_worker import HandWorker

ARGUMENTS = {
    "troubleshoot_workload": {"workload": "deploy/web", "namespace": "shop"},
    "review_helm_upgrade": {"release": "web", "chart": "oci://registry.example/web", "namespace": "shop"},
    "inventory": {"namespace": "shop"},
    "argocd_sync_state": {"project": "shop"},
    "check_mesh": {"namespace": "shop"},
}
LONG = b"".join(b"line %d\n" % number for number in range(10_000))


async def text_of(url: str, name: str, arguments: dict[str, str], mode: str = MODERN) -> str:
    async with mcp_caller.connected(url, mode) as mcp:
        result = await mcp.get_prompt(name, arguments)
    assert isinstance(result, types.GetPromptResult)
    [message] = result.messages
    assert isinstance(message.content, types.TextContent)
    return message.content.text


async def read(url: str, uri: str, mode: str = MODERN) -> str:
    async with mcp_caller.connected(url, mode) as mcp:
        result = await mcp.read_resource(uri)
    assert isinstance(result, types.ReadResourceResult)
    [content] = result.contents
    assert isinstance(content, types.TextResourceContents)
    return content.text


@pytest.mark.parametrize("mode", MODES)
async def test_prompts_and_resources_are_listed(gateway: Served, mode: str) -> None:
    async with mcp_caller.connected(gateway.url, mode) as mcp:
        found = (await mcp.list_prompts()).prompts
        uris = [resource.uri for resource in (await mcp.list_resources()).resources]
        templates = [each.uri_template for each in (await mcp.list_resource_templates()).resource_templates]
    assert [prompt.name for prompt in found] == list(ARGUMENTS)
    assert all(prompt.title and prompt.description and prompt.arguments for prompt in found)
    assert uris == ["policy://effective"]
    assert templates == ["job://{id}/stdout", "job://{id}/stderr"]


@pytest.mark.parametrize("name", list(ARGUMENTS))
async def test_prompt_holds_its_arguments_and_commands_that_would_run(gateway: Served, name: str) -> None:
    text = await text_of(gateway.url, name, ARGUMENTS[name])

    assert "{" not in text
    assert all(value in text for value in ARGUMENTS[name].values())
    assert "get_job" in text
    found = commands(text)
    assert len(found) >= 3
    for tool, words in found:
        parsed = parser.parse(registry.find(tool), words, namespace=None, context=None, default_namespace=None)
        assert parsed.command_class is CommandClass.READ or "--dry-run" in words, words


@pytest.mark.parametrize("name", ["inventory", "argocd_sync_state", "check_mesh"])
async def test_prompt_about_a_part_is_about_the_whole_without_it(gateway: Served, name: str) -> None:
    text = await text_of(gateway.url, name, {})
    assert "whole cluster" in text or "all projects" in text
    assert "-n " not in text


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("nope", {}, "troubleshoot_workload"),
        ("troubleshoot_workload", {}, "workload"),
        ("troubleshoot_workload", {"workload": " "}, "workload"),
        ("troubleshoot_workload", {"workload": "a\nb"}, "one line"),
        ("troubleshoot_workload", {"workload": "x" * 301}, "300"),
        ("inventory", {"nope": "x"}, "namespace"),
    ],
)
async def test_prompt_that_does_not_fit_is_refused(
    gateway: Served, name: str, arguments: dict[str, str], says: str
) -> None:
    async with mcp_caller.connected(gateway.url, MODERN) as mcp:
        with pytest.raises(MCPError, match=says):
            await mcp.get_prompt(name, arguments)


async def test_braces_in_an_argument_are_only_text(gateway: Served) -> None:
    assert "{namespace}" in await text_of(gateway.url, "troubleshoot_workload", {"workload": "{namespace}"})


@pytest.mark.parametrize("mode", MODES)
async def test_output_of_a_job_is_a_resource(
    gateway: Served, client: httpx.AsyncClient, worker: HandWorker, mode: str
) -> None:
    job_id = await served.submitted(client)
    claim = await worker.claim(job_id)
    await worker.write(claim, (EventKind.STDOUT, b"\x1b[1mone\x1b[0m\n"), (EventKind.STDERR, b"warning\n"))
    await worker.settle(claim)
    assert await read(gateway.url, f"job://{job_id}/stdout", mode) == "one\n"
    assert await read(gateway.url, f"job://{job_id}/stderr", mode) == "warning\n"


async def test_long_output_ends_with_how_to_read_on(
    gateway: Served, client: httpx.AsyncClient, worker: HandWorker
) -> None:
    job_id = await served.submitted(client)
    claim = await worker.claim(job_id)
    await worker.write(claim, (EventKind.STDOUT, LONG))
    await worker.settle(claim)
    text, _, rest = (await read(gateway.url, f"job://{job_id}/stdout")).partition("\n[… ")
    offset = int(rest.partition("offset=")[2].partition(" ")[0])
    assert LONG.decode()[: len(text)] == text
    assert offset == len(text)


async def test_policy_says_what_runs_here(gateway: Served) -> None:
    policy: dict[str, Any] = json.loads(await read(gateway.url, "policy://effective"))
    assert policy["mode"] == "strict"
    assert "write" in policy["allowed_classes"]
    assert "port-forward" in policy["refused"]["kubectl"]
    assert "kubeconfig" in policy["refused_flags"]["helm"]


@pytest.mark.parametrize("uri", [f"job://{'0' * 48}/stdout", "job://x/stdout", "policy://other", "file:///etc/passwd"])
async def test_resource_that_is_not_there_is_an_error(gateway: Served, uri: str) -> None:
    async with mcp_caller.connected(gateway.url, MODERN) as mcp:
        with pytest.raises(MCPError, match="There is no such"):
            await mcp.read_resource(uri)


def commands(text: str) -> list[tuple[str, str]]:
    """Tool and arguments of what stands in backquotes; a tool named before it holds for its line and those below."""
    found, tool = [], ""
    for position, part in enumerate(text.split("`")):
        if position % 2 == 0:
            named = [word.strip(":;,.") for word in part.split() if word.strip(":;,.") in registry.names()]
            tool = named[-1] if named else tool
        elif part[0].isalpha() and " " in part and shlex.split(part):
            found.append((tool, part))
    return found


def test_every_prompt_has_a_text() -> None:
    assert all(prompt.text() for prompt in prompts.PROMPTS)
