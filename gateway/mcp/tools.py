"""The tools as models see them: which operations, what they say of themselves, and what their schemas leave out."""

from collections.abc import Sequence
from typing import Any

import mcp_types as types

from shared import filters
from shared.models import CommandResponse
from shared.tools import registry
from shared.tools.tool import Tool

GET_JOB = "get_job"
CANCEL_JOB = "cancel_job"
OPERATIONS = (*registry.names(), GET_JOB, CANCEL_JOB)
HIDDEN_ARGUMENTS = ("kubeconfig",)
"""Taken when a client sends it, and never shown: a kubeconfig must not pass through a model's context."""

_JOB_DESCRIPTIONS = {
    GET_JOB: "Looks at a command that was handed over as a job, or waits for its end (`wait`, seconds).",
    CANCEL_JOB: "Ends a command that was handed over as a job. What it has changed so far stays changed.",
}


def polished(converted: Sequence[types.Tool]) -> list[types.Tool]:
    """The converted operations, in the order of `OPERATIONS`."""
    by_name = {tool.name: tool for tool in converted}
    return [_polished(by_name[name]) for name in OPERATIONS]


def _polished(tool: types.Tool) -> types.Tool:
    is_command = tool.name in registry.names()
    return types.Tool(
        name=tool.name,
        title=tool.name,
        description=_command_description(registry.find(tool.name)) if is_command else _JOB_DESCRIPTIONS[tool.name],
        input_schema=_without_hidden(tool.input_schema),
        output_schema=CommandResponse.model_json_schema(),
        annotations=types.ToolAnnotations(
            read_only_hint=tool.name == GET_JOB,
            destructive_hint=tool.name != GET_JOB,
            idempotent_hint=not is_command,
            open_world_hint=is_command,
        ),
    )


def _command_description(tool: Tool) -> str:
    examples = " or ".join(f"`{example}`" for example in tool.examples)
    return (
        f"{tool.summary} `command` holds the arguments, quoted as for a POSIX shell, for example {examples}. "
        "No shell runs them: no redirections or variables; send input in `stdin` or `files`. "
        f"`|` leads into text filters only: {', '.join(filters.NAMES)}. "
        "The cluster comes from the connection's own kubeconfig."
    )


def _without_hidden(schema: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in schema["properties"].items() if name not in HIDDEN_ARGUMENTS}
    return {**schema, "properties": {name: _nullable(value) for name, value in shown.items()}}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """fastapi-mcp puts a `type` beside each `anyOf`, which would forbid the null that the `anyOf` allows."""
    return {name: value for name, value in schema.items() if name != "type" or "anyOf" not in schema}
