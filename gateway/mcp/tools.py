"""Describes the tools to models: which operations are tools, with their texts, schemas and annotations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from pydantic import BaseModel

from gateway.intake.job_request import JobRequest
from gateway.mcp import schemas
from gateway.mcp.text.output_text import OutputText
from shared.command import filters
from shared.models import CommandResponse, JobPage
from shared.tools import registry

GET_JOB = "get_job"
LIST_JOBS = "list_jobs"
CANCEL_JOB = "cancel_job"
READ_OUTPUT = "read_output"
COMMANDS = (*registry.names(), registry.INSPECT)
"""The tools that run commands. Each may be handed over as a job or a task."""
_OF_JOBS = (GET_JOB, LIST_JOBS, CANCEL_JOB, READ_OUTPUT)
NAMES = (*COMMANDS, *_OF_JOBS)
OPERATIONS = (*registry.names(), *_OF_JOBS)
"""The tools that are operations of REST too."""
HIDDEN_ARGUMENTS = ("kubeconfig",)
"""Arguments that are accepted but not listed: a kubeconfig must not pass through a model's context."""
HIDDEN_FIELDS = ("links", "changes")
"""Fields of results that are left out: addresses of REST, and the list of changes, which one line sums up."""
ONLY_READS = "This server only reads."


@dataclass(frozen=True, slots=True)
class ListedPolicy:
    """The facts about the gateway's policy that change the list of tools."""

    only_reads: bool
    lists_jobs: bool


@dataclass(frozen=True, slots=True)
class _Described:
    title: str
    description: str
    output: type[BaseModel] = CommandResponse
    hidden: tuple[str, ...] = ()
    """Arguments that REST has but MCP does not."""


def _written(examples: Sequence[str]) -> str:
    """Says how a command is written."""
    shown = " or ".join(f"`{example}`" for example in examples)
    return (
        f"`command`: its arguments, quoted as for a POSIX shell, such as {shown}. "
        "No shell runs it: no variables, `;`, `&&`, `>`; send input in `stdin` or `files`. "
        f"`|` works only with {', '.join(filters.NAMES)}."
    )


_NOTES = {
    "namespace": "If the command names none.",
    "context": "If not the current one.",
    "files": "Relative path: text.",
    "timeout": "Seconds.",
    "wait": "Seconds, at most 60.",
    "cursor": "next_cursor of the page before.",
    "offset": "Bytes.",
}
_INSPECT = _Described(
    "Read only",
    f"Run {registry.listed('or')} to read: whatever the command, nothing is changed. Use their own tools only for "
    f"changes. {_written(['get pods -n shop', 'diff -f -'])}",
)
_JOB_TOOLS = {
    GET_JOB: _Described(
        "Look at a command",
        "State and output of a command that was handed over as a job. With `wait`, answers when it ends, or after that "
        "time. Call it again while the job runs.",
    ),
    LIST_JOBS: _Described(
        "List commands", "Your commands, newest first: job ids and states. get_job returns the output.", JobPage
    ),
    CANCEL_JOB: _Described(
        "Cancel a command",
        "Ends a command that waits or runs. Its changes so far are kept.",
    ),
    READ_OUTPUT: _Described(
        "Read output",
        "A command's whole output, page by page, if a result was cut: continue at next_offset until is_complete.",
        OutputText,
        hidden=("limit",),
    ),
}


def described(converted: Sequence[types.Tool], policy: ListedPolicy) -> list[types.Tool]:
    """Describes the tools, in the order of `NAMES`, as this policy allows them."""
    schemas_by_name = {tool.name: tool.input_schema for tool in converted} | {registry.INSPECT: _input_of_inspect()}
    offered = [name for name in NAMES if policy.lists_jobs or name != LIST_JOBS]
    return [_described(name, schemas_by_name[name], policy) for name in offered]


def annotations(name: str, policy: ListedPolicy) -> types.ToolAnnotations:
    """Returns what a call of that tool may do under the policy. Other calls are refused, so the hints are true."""
    is_command = name in COMMANDS
    only_reads = policy.only_reads if name in registry.names() else name != CANCEL_JOB
    return types.ToolAnnotations(
        read_only_hint=only_reads,
        destructive_hint=not only_reads,
        idempotent_hint=only_reads or not is_command,
        open_world_hint=is_command,
    )


def _described(name: str, input_schema: Mapping[str, Any], policy: ListedPolicy) -> types.Tool:
    said = _said(name, policy)
    return types.Tool(
        name=name,
        title=said.title,
        description=said.description,
        input_schema=schemas.of_input(input_schema, hidden=(*HIDDEN_ARGUMENTS, *said.hidden), notes=_NOTES),
        output_schema=schemas.of_output(said.output, hidden=HIDDEN_FIELDS),
        annotations=annotations(name, policy),
    )


def _said(name: str, policy: ListedPolicy) -> _Described:
    if name in _JOB_TOOLS:
        return _JOB_TOOLS[name]
    if name == registry.INSPECT:
        return _INSPECT
    tool = registry.find(name)
    description = f"{tool.summary} {_written(tool.examples[:2])} {tool.refused}"
    return _Described(name, f"{ONLY_READS} {description}" if policy.only_reads else description)


def _input_of_inspect() -> dict[str, Any]:
    """Returns the schema with the tool before its command, as models write it."""
    schema = JobRequest.model_json_schema()
    properties = schema["properties"]
    return {"properties": {"tool": properties["tool"], **properties}, "required": ["tool", "command"]}
