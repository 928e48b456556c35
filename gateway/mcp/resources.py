"""MCP resources: the output of a job, and the effective policy."""

import re

import mcp_types as types
from pydantic import BaseModel

from gateway.mcp import calls, exchange
from gateway.mcp.exchange import Context, Exchange
from gateway.policy import modes
from gateway.policy.policy import Policy
from gateway.policy.rules import Action
from shared.errors import ErrorCode, RequestError
from shared.events import EventKind
from shared.models import JOB_ID_PATTERN, CommandClass
from shared.settings import GatewaySettings, SecurityMode
from shared.tools import registry

POLICY_URI = "policy://effective"
PLAIN_TEXT = "text/plain"
JSON = "application/json"
TEMPLATES = tuple(
    types.ResourceTemplate(
        name=f"job_{stream}",
        title=f"Output of a job ({stream})",
        uri_template=f"job://{{id}}/{stream}",
        description=f"Output of a command on {stream}, from the beginning. If it is cut, read_output returns the rest.",
        mime_type=PLAIN_TEXT,
    )
    for stream in (EventKind.STDOUT, EventKind.STDERR)
)
_JOB_URI = re.compile(rf"job://({JOB_ID_PATTERN.pattern})/(stdout|stderr)")


class EffectiveRule(BaseModel):
    """One of the operator's rules."""

    name: str
    action: Action
    speaks_of: str
    why: str


class EffectivePolicy(BaseModel):
    """The commands that callers may run. The cluster itself may allow them less."""

    mode: SecurityMode
    allowed_classes: list[CommandClass]
    namespaces: list[str]
    """Namespaces that commands may touch; empty means all."""
    rules: list[EffectiveRule]
    """Deny rules take precedence over allow rules, and allow rules over the mode."""
    refused: dict[str, list[str]]
    """Tool → verbs that never run here."""
    refused_flags: dict[str, list[str]]
    longest_run_s: float


def listed() -> list[types.Resource]:
    """Returns the resources with a fixed address. Jobs have templates instead."""
    return [
        types.Resource(
            name="policy",
            title="Effective policy",
            uri=POLICY_URI,
            description="Which commands this server runs and which it refuses.",
            mime_type=JSON,
        )
    ]


async def read(context: Context, uri: str) -> types.ReadResourceResult:
    """Returns a resource. Raises `RequestError` for an unknown address, or a job that is not the caller's."""
    request = exchange.of(context)
    if uri == POLICY_URI:
        text, mime_type = (
            effective_policy(request.parts.settings, request.parts.policy.policy()).model_dump_json(),
            JSON,
        )
    elif job := _JOB_URI.fullmatch(uri):
        text, mime_type = await _output(request, job[1], job[2]), PLAIN_TEXT
    else:
        raise RequestError(
            ErrorCode.NOT_FOUND, f"There is no such resource; use {POLICY_URI}, job://ID/stdout or job://ID/stderr."
        )
    content = types.TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return types.ReadResourceResult(contents=[content])


def effective_policy(settings: GatewaySettings, policy: Policy) -> EffectivePolicy:
    """Combines the settings, the operator's rules and the tools' grammars."""
    tools = registry.tools()
    return EffectivePolicy(
        mode=policy.mode,
        allowed_classes=modes.allowed_classes(policy.mode),
        namespaces=list(policy.rules.namespaces),
        rules=[
            EffectiveRule(name=rule.name, action=rule.action, speaks_of=rule.says(), why=rule.why)
            for rule in policy.rules.rules
        ],
        refused={tool.name: sorted(tool.grammar.refused_verbs) for tool in tools},
        refused_flags={tool.name: sorted(tool.grammar.refused_flags) for tool in tools},
        longest_run_s=settings.max_timeout,
    )


async def _output(request: Exchange, job_id: str, stream: str) -> str:
    shown = await calls.output(request, job_id, stream)
    if shown.is_complete or shown.next_offset >= shown.stored_bytes:
        return shown.text
    return (
        f"{shown.text}\n[… {shown.stored_bytes - shown.next_offset} bytes follow: read_output with job_id={job_id}, "
        f"stream={stream}, offset={shown.next_offset} …]\n"
    )
