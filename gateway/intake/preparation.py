"""Checks a call completely before anything is queued: command, files, kubeconfig, policy and time limit."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.auth.callers import Caller
from gateway.intake import network_needs
from gateway.policy.policy import Judgement, Policy
from shared import metrics
from shared.command import files, parser
from shared.command.invocation import Invocation
from shared.effects import Limit
from shared.errors import ErrorCode, RequestError, shown
from shared.kubeconfig import cluster_access, encoding
from shared.kubeconfig.cluster_access import ClusterAccess
from shared.models import CommandRequest
from shared.sealing.envelope import Command, RequestEnvelope
from shared.settings import GatewaySettings
from shared.tools import credentials as tool_credentials
from shared.tools import registry
from shared.tools.tool import Tool

KUBECONFIG_HEADER = "x-kubeconfig"
SMALL_KUBECONFIG_CHARACTERS = 64 * 1024
"""Largest kubeconfig that the event loop parses. A thread parses a larger one, which would delay other requests."""
OWN_TIMEOUT_MARGIN_S = 30
"""Seconds that the time limit adds to the command's own `--timeout`, so that the command can report its timeout."""


@dataclass(frozen=True, slots=True)
class Call:
    """A command as a caller sent it, by REST or MCP. Header names are in lower case."""

    tool: Tool
    request: CommandRequest
    headers: Mapping[str, str]
    caller: Caller
    idempotency_key: str | None = None
    reads_only: bool = False
    """Whether the command may only read, whatever the policy allows."""


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A command that may be queued."""

    caller: Caller
    idempotency_key: str | None
    invocation: Invocation
    envelope: RequestEnvelope
    exclusive: tuple[tuple[str, ...], ...] = ()
    """Cluster, tool, namespace and name of each object that no other command may change while this one runs."""
    target: tuple[str, ...] = field(default=(), repr=False)
    """Cluster and namespace in which the command acts, or the tool's own server."""
    identity: str = field(default="", repr=False)
    """Identifies the credentials for the cluster: the caller's kubeconfig, or the context of the gateway's own one."""


class Preparation:
    """Prepares calls by the gateway's settings and policy."""

    def __init__(
        self, settings: GatewaySettings, default_kubeconfig: Callable[[], str | None], policy: Callable[[], Policy]
    ) -> None:
        self._settings = settings
        self._default_kubeconfig = default_kubeconfig
        self._policy = policy

    async def prepare(self, call: Call) -> PreparedCall:
        """Returns the checked call. Raises `RequestError`, which says what the caller must change."""
        invocation = parser.parse(
            call.tool,
            call.request.command,
            namespace=call.request.namespace,
            context=call.request.context,
            default_namespace=self._settings.default_namespace,
        )
        files.check(call.request.files or {})
        credentials = tool_credentials.from_headers(call.tool, call.headers)
        tool_credentials.server(call.tool, credentials, allow_loopback=self._settings.allow_loopback)
        own = _decoded(call)
        access = await self._kubeconfig(own or self._default_kubeconfig(), invocation)
        if invocation.needs_cluster and access is None and not credentials:
            raise _kubeconfig_required()
        policy, namespace = self._policy(), access.namespace if access else None
        judged = policy.check(call.tool, invocation, kubeconfig_namespace=namespace)
        if call.reads_only:
            _check_reads(call.tool, invocation)
        envelope = RequestEnvelope(
            time_limit_s=self._time_limit(call.request, invocation),
            queue_wait_s=self._settings.queue_wait_s,
            command=_command(call, invocation, judged, access=access, credentials=credentials),
            command_class=invocation.command_class,
            lane=invocation.lane,
            is_endless=invocation.is_endless,
            awaited=call.tool.awaited(invocation.reading) if call.tool.awaited else None,
        )
        return PreparedCall(
            call.caller,
            call.idempotency_key,
            invocation,
            envelope,
            exclusive=_exclusive(invocation, access),
            identity=self._identity(own, access, invocation),
            target=(*_place(invocation, access), credentials.get(call.tool.server_variable or "", "")),
        )

    def _identity(self, own: str | None, access: ClusterAccess | None, invocation: Invocation) -> str:
        if access is None:
            return ""
        return access.kubeconfig if own else f"lent {invocation.context or self._settings.default_context or ''}"

    async def _kubeconfig(self, text: str | None, invocation: Invocation) -> ClusterAccess | None:
        if text is None:
            return None
        context = invocation.context or self._settings.default_context

        def rebuild() -> ClusterAccess:
            return cluster_access.rebuild(text, context=context, allow_loopback=self._settings.allow_loopback)

        return rebuild() if len(text) <= SMALL_KUBECONFIG_CHARACTERS else await asyncio.to_thread(rebuild)

    def _time_limit(self, request: CommandRequest, invocation: Invocation) -> float:
        asked = request.timeout
        if asked is None:
            own = invocation.own_timeout_s
            asked = max(self._settings.timeout, own + OWN_TIMEOUT_MARGIN_S if own else 0)
        return min(asked, self._settings.max_timeout)


def _command(
    call: Call, invocation: Invocation, judged: Judgement, *, access: ClusterAccess | None, credentials: dict[str, str]
) -> Command:
    tool, reading = call.tool, invocation.reading
    return Command(
        tool=tool.name,
        arguments=invocation.arguments,
        filters=invocation.filters,
        verb=invocation.verb,
        kubeconfig=access.kubeconfig if access else None,
        credentials=credentials,
        stdin=call.request.stdin,
        files=call.request.files or {},
        masking=judged.masking,
        effects=judged.effects.for_reading() if call.reads_only else judged.effects,
        own_server=tool.own_server(reading),
        loopback_ports=network_needs.loopback_ports(tool, reading),
        needs_cluster=invocation.needs_cluster,
        looked_up=tool.grammar.looked_up(reading),
        listens=network_needs.listens(tool, invocation),
    )


def _exclusive(invocation: Invocation, access: ClusterAccess | None) -> tuple[tuple[str, ...], ...]:
    if access is None:
        return ()
    *cluster, namespace = _place(invocation, access)
    return tuple((*cluster, invocation.tool, namespace, subject) for subject in invocation.subjects)


def _place(invocation: Invocation, access: ClusterAccess | None) -> tuple[str, ...]:
    """Returns cluster and namespace; nothing without a kubeconfig."""
    return (*access.cluster, invocation.namespace or access.namespace) if access else ()


def _decoded(call: Call) -> str | None:
    """Returns the caller's kubeconfig as text. The header takes precedence over the body, as in the first version."""
    header = call.headers.get(KUBECONFIG_HEADER, "").strip()
    if header:
        return cluster_access.decode(header, allow_yaml=False)
    body = (call.request.kubeconfig or "").strip()
    return cluster_access.decode(body, allow_yaml=True) if body else None


def _check_reads(tool: Tool, invocation: Invocation) -> None:
    """Raises `RequestError` unless the words of a command say that it reads. The door refuses what they do not show."""
    if not invocation.command_class.changes_nothing:
        fault = f"is a {invocation.command_class} command"
    elif network_needs.opens_tunnels(tool, invocation):
        fault = "opens a tunnel to a pod"
    else:
        return
    metrics.POLICY_REFUSALS.labels(Limit.READ).inc()
    raise RequestError(
        ErrorCode.POLICY_DENIED,
        f"`{shown(' '.join(invocation.verb))}` {fault}, and {registry.INSPECT} runs only what can change nothing. Call "
        f"the tool {tool.name} with the same command.",
    )


def _kubeconfig_required() -> RequestError:
    return RequestError(
        ErrorCode.KUBECONFIG_REQUIRED,
        f"This command needs a cluster: send the kubeconfig, as printed by `{encoding.ENCODED}`, in the "
        "header X-Kubeconfig or in the field `kubeconfig`.",
    )
