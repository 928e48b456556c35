"""Turns a command into the processes that run it: arguments, environment, sandbox and limits.

The environment is clean: the child gets none of the worker's variables, and finds no plugin on its PATH.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.command.masking import Masking
from shared.errors import ErrorCode, RequestError
from shared.kubeconfig import cluster_access
from shared.kubeconfig.cluster_access import ClusterAccess
from shared.network import certificate_paths, endpoints
from shared.network.endpoints import Endpoint
from shared.sealing.envelope import Command
from shared.tools import credentials
from shared.tools.tool import Tool
from worker.egress.proxy import ProxyAccess
from worker.launcher.client import Reservation
from worker.launcher.protocol import Limits, Outfit, PortRange, SandboxRules, StageSpec
from worker.machine.filter_binaries import FilterBinary
from worker.machine.helper_programs import HelperBinary
from worker.machine.tool_binaries import ToolBinary
from worker.run import filter_plan, job_directory, own_listeners
from worker.run.job_directory import JobDirectory

KUBECONFIG_DESCRIPTOR = 3
"""Descriptor of the kubeconfig in the child: the first one after standard error."""
OPEN_FILES = 1_024
CPU_FACTOR = 2
"""Number of cores that a command may keep busy for its whole time limit."""
CPU_FLOOR_S = 60

COMMON_READABLE = (
    *certificate_paths.READABLE,
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/dev/urandom",
)
COMMON_WRITABLE = ("/dev/null",)


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """The worker's settings for every command."""

    sandboxed: bool
    allow_loopback: bool
    job_file_bytes: int
    go_memory_limit: str
    own_ports: Callable[[], frozenset[int]] = frozenset
    """Returns the ports of our own services, which may change. No command may connect to them, not even on loopback."""


@dataclass(frozen=True, slots=True)
class CommandPlan:
    """The processes of the tool and its filters, and the descriptors that the tool inherits. The caller closes them."""

    spec: StageSpec
    stdin: int | None
    """None stands for no input."""
    inherited: tuple[int, ...]
    filters: tuple[StageSpec, ...] = ()
    masking: Masking | None = None
    """What to mask in the tool's output before a filter or a caller reads it."""
    reservation: Reservation | None = None
    """The spare in which the tool runs; None for a plain one."""

    def close(self) -> None:
        for descriptor in (self.stdin, *self.inherited):
            if descriptor is not None:
                os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Network:
    """The ports that a command may use."""

    connect_ports: tuple[int, ...] = ()
    own_ranges: tuple[PortRange, ...] = ()
    bind_ports: tuple[int, ...] = ()


def outfit(binary: ToolBinary, directories: Path, settings: PlanSettings) -> Outfit:
    """Returns what spares prepare for the tool: the rules that all its commands have. `directories` is their folder."""
    return Outfit(str(directories), _least(binary) if settings.sandboxed else None)


def build(
    command: Command,
    binary: ToolBinary,
    directory: JobDirectory,
    *,
    time_limit_s: float,
    settings: PlanSettings,
    filters: Mapping[str, FilterBinary] | None = None,
    proxy: ProxyAccess | None = None,
    readable: tuple[str, ...] = (),
) -> CommandPlan:
    """Returns the plan. Without a proxy the command has no network; `readable` are paths that it may read besides.

    Raises RequestError if this worker refuses the kubeconfig or the server, or a filter is missing.
    """
    limits = Limits(
        file_size_bytes=settings.job_file_bytes,
        open_files=OPEN_FILES,
        cpu_s=int(max(CPU_FLOOR_S, time_limit_s * CPU_FACTOR)),
    )
    behind = filter_plan.build(command.filters, filters or {}, directory, limits=limits, sandboxed=settings.sandboxed)
    access = _access(command, proxy, allow_loopback=settings.allow_loopback)
    server = credentials.server(binary.tool, command.credentials, allow_loopback=settings.allow_loopback)
    helper = _helper(binary, " ".join(command.verb))
    environment = _environment(binary, command, directory, memory_limit=settings.go_memory_limit)
    environment |= _proxy_variables(binary.tool, command, proxy) if proxy else {}
    inherited: tuple[int, ...] = ()
    if access is not None:
        environment["KUBECONFIG"], inherited = _hand_over(access, directory)
    network = _network(binary.tool, command, server, proxy=proxy, settings=settings)
    spec = StageSpec(
        executable=str(binary.path),
        argv=(binary.tool.name, *command.arguments),
        environment=environment,
        working_directory=str(directory.work),
        sandbox=_sandbox(binary, directory, helper, network=network, lent=readable) if settings.sandboxed else None,
        limits=limits,
    )
    try:
        return CommandPlan(spec, _stdin(command.stdin, directory), inherited, behind, command.masking)
    except OSError:
        for descriptor in inherited:
            os.close(descriptor)
        raise


def _access(command: Command, proxy: ProxyAccess | None, *, allow_loopback: bool) -> ClusterAccess | None:
    if command.kubeconfig is None:
        return None
    return cluster_access.rebuild(
        command.kubeconfig, context=None, allow_loopback=allow_loopback, proxy_url=proxy.url if proxy else None
    )


def _hand_over(access: ClusterAccess, directory: JobDirectory) -> tuple[str, tuple[int, ...]]:
    """Returns the value of KUBECONFIG, and the descriptors of the kubeconfig's file."""
    if job_directory.HAS_NAMELESS_FILES:
        descriptor = job_directory.private_file(directory, job_directory.KUBECONFIG, access.kubeconfig)
        return f"/proc/self/fd/{KUBECONFIG_DESCRIPTOR}", (descriptor,)
    os.close(job_directory.private_file(directory, job_directory.KUBECONFIG, access.kubeconfig))
    return str(directory.root / job_directory.KUBECONFIG), ()


def _stdin(text: str | None, directory: JobDirectory) -> int | None:
    return None if text is None else job_directory.private_file(directory, job_directory.STDIN, text)


def _environment(binary: ToolBinary, command: Command, directory: JobDirectory, *, memory_limit: str) -> dict[str, str]:
    """Sets GOGC so that Go collects garbage only at the memory limit: else that takes most of a CLI's start-up."""
    return {
        "HOME": str(directory.root),
        "TMPDIR": str(directory.root),
        "PATH": str(directory.no_programs),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "GOGC": "off",
        "GOMEMLIMIT": memory_limit,
        **binary.tool.environment,
        **_helper_variables(binary, " ".join(command.verb)),
        **command.credentials,
    }


def _helper_variables(binary: ToolBinary, verb: str) -> dict[str, str]:
    if (named := binary.tool.helpers.get(verb)) is None:
        return {}
    return {named.variable: " ".join((str(binary.helpers[named.program].path), *named.arguments))}


def _proxy_variables(tool: Tool, command: Command, proxy: ProxyAccess) -> dict[str, str]:
    """Returns the variables that name the proxy. A command may add only variables that its tool defines."""
    own = tool.proxy_variables.keys() & command.proxy_variables
    return dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", *own), proxy.url)


def _network(
    tool: Tool, command: Command, server: Endpoint | None, *, proxy: ProxyAccess | None, settings: PlanSettings
) -> Network:
    """Allows the proxy's port, the command's own listeners and, if allowed, ports on loopback without the proxy."""
    if proxy is None:
        return Network()
    past_proxy = {server.port} if server and endpoints.goes_past_proxies(server.host) else set()
    direct = past_proxy.union(command.loopback_ports) if settings.allow_loopback else set()
    ports = tuple(sorted({proxy.port, *(direct - settings.own_ports())}))
    may_listen = tool.listening_verbs or tool.listening_flags
    if not (command.listens and may_listen):
        return Network(ports)
    return Network(ports, own_listeners.ports(settings.own_ports()), (own_listeners.CHOSEN_BY_THE_KERNEL,))


def _helper(binary: ToolBinary, verb: str) -> HelperBinary | None:
    """Returns the program that the verb starts. Raises RequestError if this worker does not have it."""
    named = binary.tool.helpers.get(verb)
    if named is None:
        return None
    if named.program not in binary.helpers:
        raise RequestError(
            ErrorCode.COMMAND_REFUSED, f"`{verb}` starts {named.program}, but this worker has none: install it there."
        )
    return binary.helpers[named.program]


def _sandbox(
    binary: ToolBinary, directory: JobDirectory, helper: HelperBinary | None, *, network: Network, lent: tuple[str, ...]
) -> SandboxRules:
    least = _least(binary)
    started = (str(helper.path), *helper.needs.executable) if helper else ()
    return SandboxRules(
        execute=(*least.execute, *started),
        read=(*least.read, *lent, *(helper.needs.readable if helper else ())),
        write=(*least.write, str(directory.root)),
        connect_ports=network.connect_ports,
        own_ranges=network.own_ranges,
        bind_ports=network.bind_ports,
    )


def _least(binary: ToolBinary) -> SandboxRules:
    """Returns the rules that every command of the tool has."""
    needs = binary.tool.sandbox
    return SandboxRules(
        execute=(str(binary.path), *needs.executable), read=(*COMMON_READABLE, *needs.readable), write=COMMON_WRITABLE
    )
