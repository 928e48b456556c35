"""Describes the tools to models: which operations are tools, with their texts, schemas and annotations."""

from collections.abc import Sequence
from dataclasses import dataclass

import mcp_types as types
from pydantic import BaseModel

from gateway.mcp import schemas
from gateway.mcp.text.output_text import OutputText
from shared.command import filters
from shared.models import CommandResponse, JobPage
from shared.tools import registry
from shared.tools.tool import Tool

GET_JOB = "get_job"
LIST_JOBS = "list_jobs"
CANCEL_JOB = "cancel_job"
READ_OUTPUT = "read_output"
OPERATIONS = (*registry.names(), GET_JOB, LIST_JOBS, CANCEL_JOB, READ_OUTPUT)
HIDDEN_ARGUMENTS = ("kubeconfig",)
"""Arguments that are accepted but not listed: a kubeconfig must not pass through a model's context."""
HIDDEN_FIELDS = ("links", "changes")
"""Fields of results that are left out: addresses of REST, and the list of changes, which one line sums up."""
ONLY_READS = "This server runs only commands that change nothing."


@dataclass(frozen=True, slots=True)
class ListedPolicy:
    """The facts about the gateway's policy that change the list of tools."""

    only_reads: bool
    lists_jobs: bool


@dataclass(frozen=True, slots=True)
class _Described:
    title: str
    description: str
    output: type[BaseModel]
    hidden: tuple[str, ...] = ()
    """Arguments that REST has but MCP does not."""


_NOTES = {
    "namespace": "If the command names none.",
    "context": "If not the kubeconfig's current one.",
    "stdin": "For example a manifest for `-f -`.",
    "files": "Relative path: text.",
    "timeout": "Seconds.",
    "wait": "Seconds, at most 60.",
    "cursor": "next_cursor of the page before.",
    "offset": "Bytes.",
}
_JOB_TOOLS = {
    GET_JOB: _Described(
        "Look at a command",
        "State and output of a command that was handed over as a job. With `wait`, answers when it ends, or after that "
        "time. Call it again while the job runs.",
        CommandResponse,
    ),
    LIST_JOBS: _Described(
        "List commands", "Your commands, newest first: job ids and states. get_job returns the output.", JobPage
    ),
    CANCEL_JOB: _Described(
        "Cancel a command",
        "Ends a command that waits or runs. Its changes so far are kept.",
        CommandResponse,
    ),
    READ_OUTPUT: _Described(
        "Read output",
        "A command's whole output, page by page, if a result was cut: continue at next_offset until is_complete.",
        OutputText,
        hidden=("limit",),
    ),
}


def described(converted: Sequence[types.Tool], policy: ListedPolicy) -> list[types.Tool]:
    """Describes the converted operations, in the order of `OPERATIONS`, as this policy allows them."""
    by_name = {tool.name: tool for tool in converted}
    offered = [name for name in OPERATIONS if policy.lists_jobs or name != LIST_JOBS]
    return [_described(by_name[name], policy) for name in offered]


def annotations(name: str, policy: ListedPolicy) -> types.ToolAnnotations:
    """Returns what a call of that tool may do under the policy. Other calls are refused, so the hints are true."""
    is_command = name in registry.names()
    only_reads = policy.only_reads if is_command else name != CANCEL_JOB
    return types.ToolAnnotations(
        read_only_hint=only_reads,
        destructive_hint=not only_reads,
        idempotent_hint=only_reads or not is_command,
        open_world_hint=is_command,
    )


def _described(tool: types.Tool, policy: ListedPolicy) -> types.Tool:
    is_command = tool.name in registry.names()
    said = _of_command(registry.find(tool.name), policy) if is_command else _JOB_TOOLS[tool.name]
    return types.Tool(
        name=tool.name,
        title=said.title,
        description=said.description,
        input_schema=schemas.of_input(tool.input_schema, hidden=(*HIDDEN_ARGUMENTS, *said.hidden), notes=_NOTES),
        output_schema=schemas.of_output(said.output, hidden=HIDDEN_FIELDS),
        annotations=annotations(tool.name, policy),
    )


def _of_command(tool: Tool, policy: ListedPolicy) -> _Described:
    examples = " or ".join(f"`{example}`" for example in tool.examples[:2])
    description = (
        f"{tool.summary} `command`: its arguments, quoted as for a POSIX shell, for example {examples}. "
        "No shell runs it: no variables, `;`, `&&`, `>`; send input in `stdin` or `files`. "
        f"`|` works only with {', '.join(filters.NAMES)}. {tool.refused}"
    )
    return _Described(tool.name, f"{ONLY_READS} {description}" if policy.only_reads else description, CommandResponse)
