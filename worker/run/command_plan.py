"""Turns a command into the processes that run it: arguments, environment, sandbox and limits.

The environment is clean: the child gets none of the worker's variables, and finds no plugin on its PATH.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.command.masking import Masking
from shared.errors import ErrorCode, RequestError
from shared.network import certificate_paths
from shared.sealing.envelope import Command
from shared.tools.tool import Tool
from worker.door.client.address import DoorAddress
from worker.egress.proxy import ProxyAccess
from worker.launcher.client import Reservation
from worker.launcher.protocol import Limits, Outfit, PortRange, SandboxRules, StageSpec
from worker.machine.filter_binaries import FilterBinary
from worker.machine.helper_programs import HelperBinary
from worker.machine.tool_binaries import ToolBinary
from worker.run import filter_plan, given_kubeconfig, job_directory, own_listeners
from worker.run.job_directory import JobDirectory

KUBECONFIG_DESCRIPTOR = 3
"""Descriptor of the kubeconfig in the child: the first one after standard error."""
OPEN_FILES = 1_024
CPU_FACTOR = 2
"""Number of cores that a command may keep busy for its whole time limit."""
CPU_FLOOR_S = 60
RESERVED_BYTES = 2 * 1024**3
"""Address space that a command gets in any case. The CLIs reserve some 1.2 GB before they do anything."""
RESERVED_FACTOR = 2
"""Address space per byte of the memory limit. kubectl reserved 5.9 GB when it used 3.4 GB."""

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
    allow_loopback_fetches: bool
    job_file_bytes: int
    go_memory_limit: str
    own_ports: Callable[[], frozenset[int]] = frozenset
    """Returns the ports of our own services, which may change. No command may connect to them, not even on loopback."""
    job_memory_bytes: int = 2 * 1024**3
    """Bytes of memory that the processes of a command may use together."""


@dataclass(frozen=True, slots=True)
class CommandPlan:
    """The processes of the tool and its filters, and the descriptors that the tool inherits. The caller closes them."""

    spec: StageSpec
    stdin: int | None
    """None stands for no input."""
    inherited: tuple[int, ...]
    filters: tuple[StageSpec, ...] = ()
    masking: Masking | None = None
    """What to mask in the tool's output."""
    replaced: Mapping[bytes, bytes] = field(default_factory=dict)
    """Texts to replace in the tool's output before a filter or a caller reads it, and what takes their place."""
    proxy_place: str | None = None
    """`host:port` of the worker's proxy, whose errors are reworded in the tool's output; None if it has no proxy."""
    reservation: Reservation | None = None
    """The spare in which the tool runs; None for a plain one."""

    @property
    def changes_output(self) -> bool:
        """Whether this process changes the tool's output before a filter reads it."""
        return self.masking is Masking.RELEASE_OBJECT or bool(self.replaced) or self.proxy_place is not None

    def close(self) -> None:
        for descriptor in (self.stdin, *self.inherited):
            if descriptor is not None:
                os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways to the network that a command has. Without any, it has no network."""

    proxy: ProxyAccess | None = None
    door: DoorAddress | None = None
    """The way to the API server of the command's kubeconfig, or to its tool's own server."""


NO_WAYS = Ways()


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
    ways: Ways = NO_WAYS,
) -> CommandPlan:
    """Returns the plan. Raises RequestError if this worker refuses the command's own server, or a filter is missing."""
    limits = _limits(settings, time_limit_s)
    behind = filter_plan.build(command.filters, filters or {}, directory, limits=limits, sandboxed=settings.sandboxed)
    helper = _helper(binary, " ".join(command.verb))
    environment = _environment(binary, command, directory, memory_limit=settings.go_memory_limit)
    environment |= dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY"), ways.proxy.url) if ways.proxy else {}
    of_cluster = ways.door
    if ways.door is not None and ways.door.access.is_argo_cd and binary.tool.own_server_variables is not None:
        environment |= binary.tool.own_server_variables(ways.door.place, ways.door.access.pass_)
        of_cluster = None
    inherited: tuple[int, ...] = ()
    if command.kubeconfig is not None:
        environment["KUBECONFIG"], inherited = _hand_over(_given(command.kubeconfig, of_cluster), directory)
    network = _network(binary.tool, command, ways=ways, settings=settings)
    spec = StageSpec(
        executable=str(binary.path),
        argv=(binary.tool.name, *command.arguments),
        environment=environment,
        working_directory=str(directory.work),
        sandbox=_sandbox(binary, directory, helper, network=network) if settings.sandboxed else None,
        limits=limits,
    )
    try:
        stdin = _stdin(command.stdin, directory)
        place = ways.proxy.place if ways.proxy else None
        return CommandPlan(spec, stdin, inherited, behind, command.masking, _replaced(ways), place)
    except OSError:
        for descriptor in inherited:
            os.close(descriptor)
        raise


def _replaced(ways: Ways) -> Mapping[bytes, bytes]:
    of_door = ways.door.replaced_by_server if ways.door else {}
    return {**ways.proxy.replaced, **of_door} if ways.proxy else of_door


def _limits(settings: PlanSettings, time_limit_s: float) -> Limits:
    return Limits(
        file_size_bytes=settings.job_file_bytes,
        open_files=OPEN_FILES,
        cpu_s=int(max(CPU_FLOOR_S, time_limit_s * CPU_FACTOR)),
        address_space_bytes=settings.job_memory_bytes * RESERVED_FACTOR + RESERVED_BYTES,
    )


def _given(kubeconfig: str, door: DoorAddress | None) -> str:
    if door is None:
        return given_kubeconfig.for_local_use(kubeconfig)
    return given_kubeconfig.through_the_door(kubeconfig, door.url)


def _hand_over(kubeconfig: str, directory: JobDirectory) -> tuple[str, tuple[int, ...]]:
    """Returns the value of KUBECONFIG, and the descriptors of the kubeconfig's file."""
    descriptor = job_directory.private_file(directory, job_directory.KUBECONFIG, kubeconfig)
    if job_directory.HAS_NAMELESS_FILES:
        return f"/proc/self/fd/{KUBECONFIG_DESCRIPTOR}", (descriptor,)
    os.close(descriptor)
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
        # The door remembers what API servers say of themselves, so a CLI need not write it into files.
        "KUBECACHEDIR": os.devnull,
        **binary.tool.environment,
        **_helper_variables(binary, " ".join(command.verb)),
    }


def _helper_variables(binary: ToolBinary, verb: str) -> dict[str, str]:
    if (named := binary.tool.helpers.get(verb)) is None:
        return {}
    return {named.variable: " ".join((str(binary.helpers[named.program].path), *named.arguments))}


def _network(tool: Tool, command: Command, *, ways: Ways, settings: PlanSettings) -> Network:
    """Allows the ways' ports, the command's own listeners and, if allowed, ports on loopback without the proxy."""
    ports = {way.port for way in (ways.proxy, ways.door) if way is not None}
    if not ports:
        return Network()
    direct = set(command.loopback_ports) if settings.allow_loopback_fetches else set()
    allowed = tuple(sorted(ports | (direct - settings.own_ports())))
    may_listen = tool.listening_verbs or tool.listening_flags
    if not (command.listens and may_listen):
        return Network(allowed)
    return Network(allowed, own_listeners.ports(settings.own_ports()), (own_listeners.CHOSEN_BY_THE_KERNEL,))


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
    binary: ToolBinary, directory: JobDirectory, helper: HelperBinary | None, *, network: Network
) -> SandboxRules:
    least = _least(binary)
    started = (str(helper.path), *helper.needs.executable) if helper else ()
    return SandboxRules(
        execute=(*least.execute, *started),
        read=(*least.read, *(helper.needs.readable if helper else ())),
        write=(*least.write, str(directory.root)),
        connect_ports=network.connect_ports,
        own_ranges=network.own_ranges,
        bind_ports=network.bind_ports,
        listens=binary.tool.sandbox.listens,
    )


def _least(binary: ToolBinary) -> SandboxRules:
    """Returns the rules that every command of the tool has."""
    needs = binary.tool.sandbox
    return SandboxRules(
        execute=(str(binary.path), *needs.executable), read=(*COMMON_READABLE, *needs.readable), write=COMMON_WRITABLE
    )
