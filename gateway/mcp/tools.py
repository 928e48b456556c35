"""The tools as models see them: which operations, what they say of themselves, and what they may do."""

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
"""Taken when a client sends it, and never shown: a kubeconfig must not pass through a model's context."""
HIDDEN_FIELDS = ("links",)
"""Addresses of REST."""
ONLY_READS = "This server runs only what changes nothing."


@dataclass(frozen=True, slots=True)
class ListedPolicy:
    """What is known of this gateway's policy when the tools are listed."""

    only_reads: bool
    lists_jobs: bool


@dataclass(frozen=True, slots=True)
class _Described:
    title: str
    description: str
    output: type[BaseModel]
    hidden: tuple[str, ...] = ()
    """Arguments that REST has and MCP has not."""


_NOTES = {
    "namespace": "Unless the command names one.",
    "context": "Of the kubeconfig, unless its current one.",
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
        "State and output of a command that was handed over as a job; with `wait` when it has ended, or after that "
        "time. Call it again while the job runs.",
        CommandResponse,
    ),
    LIST_JOBS: _Described(
        "List commands", "Your commands, newest first: job ids and states. get_job has what one printed.", JobPage
    ),
    CANCEL_JOB: _Described(
        "Cancel a command",
        "Ends a command that waits or runs. What it has changed stays changed.",
        CommandResponse,
    ),
    READ_OUTPUT: _Described(
        "Read output",
        "A command's whole output, page by page, where a result was cut: go on with next_offset until is_complete.",
        OutputText,
        hidden=("limit",),
    ),
}


def described(converted: Sequence[types.Tool], policy: ListedPolicy) -> list[types.Tool]:
    """The converted operations in the order of `OPERATIONS`, as this policy lets them be called."""
    by_name = {tool.name: tool for tool in converted}
    offered = [name for name in OPERATIONS if policy.lists_jobs or name != LIST_JOBS]
    return [_described(by_name[name], policy) for name in offered]


def annotations(name: str, policy: ListedPolicy) -> types.ToolAnnotations:
    """What a call of that tool may do under the policy; what they promise holds, for other calls are refused."""
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
        f"{tool.summary} `command`: its arguments, quoted as for a POSIX shell, as {examples}. "
        "No shell runs it: no variables, `;`, `&&`, `>`; send input in `stdin` or `files`. "
        f"`|` leads into {', '.join(filters.NAMES)} only. {tool.refused}"
    )
    return _Described(tool.name, f"{ONLY_READS} {description}" if policy.only_reads else description, CommandResponse)
