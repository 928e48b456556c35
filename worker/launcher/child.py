"""The code of a forked child until it executes the program. It prepares as much as possible before its spec arrives.

A failure is sent as text through the control channel. The text contains no value from the spec. The channel is
close-on-exec, so if it closes without text, the program has started.
"""

import contextlib
import fcntl
import os
import resource
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NoReturn

from worker.launcher import landlock, seccomp
from worker.launcher.channel import PARENT_POLL_S, Channel, channel_pair, close_all
from worker.launcher.kernel import IS_LINUX, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, prctl
from worker.launcher.protocol import WORK, Limits, Outfit, SandboxRules, StageSpec, decode, encode

CONTROL_DESCRIPTOR = 100
"""Descriptor of the control channel, above every descriptor that a stage can get."""

MAX_STAGE_DESCRIPTORS = 64
FAILED_EXIT_CODE = 127
"""Exit code that shells use for a command that cannot be executed."""

CPU_GRACE_S = 5
OOM_SCORE = b"1000"
"""The highest score (proc_pid_oom_score_adj(5))."""

_FIRST_OPEN_DESCRIPTOR = 3
_BEYOND_CONTROL = CONTROL_DESCRIPTOR + 1
_UNCHANGEABLE = (signal.SIGKILL, signal.SIGSTOP)

_SAMPLE = StageSpec(
    executable="/",
    argv=("sample", "--namespace", "default"),
    environment={"HOME": "/", "PATH": "/"},
    working_directory="/",
    sandbox=SandboxRules(("/",), ("/etc",), ("/var", "/dev/null"), (443,)),
    limits=Limits(file_size_bytes=1, open_files=1, cpu_s=1),
    places=(0, 1, 2, 3),
)


@dataclass(frozen=True, slots=True)
class Origin:
    """The launcher that forks the children."""

    pid: int
    changed_signals: tuple[int, ...]
    """Numbers of the signals that the launcher does not treat in the default way."""

    @classmethod
    def here(cls) -> "Origin":
        """Describes this process as the launcher."""
        changed = [number for number in signal.valid_signals() if signal.getsignal(number) is not signal.SIG_DFL]
        return cls(os.getpid(), tuple(int(number) for number in changed if number not in _UNCHANGEABLE))


@dataclass(frozen=True, slots=True)
class Given:
    """What the launcher gives to a child with an outfit: its own directory, and the pipes that take its output."""

    outfit: Outfit
    directory: str
    stdout: int
    stderr: int


@dataclass(slots=True)
class _Prepared:
    """What the child has prepared for its spec."""

    ruleset: int | None = None
    """Descriptor of the rules that are known already. They are enforced with those of the spec."""
    error: "ChildError | None" = None
    """Why the preparation failed. The command that gets this child is told."""


class ChildError(Exception):
    """The child cannot execute the program. The text names the step and the system's reason."""


def live(control: Channel, origin: Origin, given: Given | None) -> NoReturn:
    """Runs the child. Never returns, because the caller's stack belongs to the launcher."""
    try:
        _leave_the_launcher(origin)
        control = _keep_only(control, given)
        prepared = _prepare(given)
        _rehearse(prepared)
        _filter_in_advance(given, prepared)
        _wait_for_packet(control, origin.pid)
        packet, descriptors = control.receive()
        if packet:
            _become(packet, descriptors, prepared)
    except ChildError as error:
        control.send(str(error).encode())
    except BaseException as error:  # noqa: BLE001 - the last frame of a forked process
        control.send(f"internal: {type(error).__name__}".encode())
    finally:
        os._exit(FAILED_EXIT_CODE)


def _leave_the_launcher(origin: Origin) -> None:
    os.setsid()
    if IS_LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        _be_the_first_to_go()
    if os.getppid() != origin.pid:  # the launcher died before the request above
        os._exit(FAILED_EXIT_CODE)
    os.umask(0o077)
    _reset_signals(origin.changed_signals)


def _be_the_first_to_go() -> None:
    """Makes the kernel kill a command, not the worker that runs all commands, when memory runs out."""
    with contextlib.suppress(OSError):
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(score, OOM_SCORE)
        os.close(score)


def _reset_signals(changed: tuple[int, ...]) -> None:
    signal.set_wakeup_fd(-1)
    for number in changed:
        signal.signal(number, signal.SIG_DFL)
    # Last: signals that arrived since the fork were blocked by the launcher's mask and are delivered now.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _keep_only(control: Channel, given: Given | None) -> Channel:
    if given is not None:
        _place([os.open(os.devnull, os.O_RDONLY), given.stdout, given.stderr], (0, 1, 2))
    os.dup2(control.fileno(), CONTROL_DESCRIPTOR, inheritable=False)
    os.closerange(_FIRST_OPEN_DESCRIPTOR, CONTROL_DESCRIPTOR)
    os.closerange(_BEYOND_CONTROL, os.sysconf("SC_OPEN_MAX"))
    return Channel.from_descriptor(CONTROL_DESCRIPTOR)


def _prepare(given: Given | None) -> _Prepared:
    """Enters the child's own directory, and opens everything that the rules of its tool name."""
    prepared = _Prepared()
    if given is None:
        return prepared
    try:
        with _step("working directory"):
            os.chdir(f"{given.directory}/{WORK}")
        rules = given.outfit.sandbox
        if rules is not None:
            with _step("landlock"):
                prepared.ruleset = landlock.prepare(replace(rules, write=(*rules.write, given.directory)))
    except ChildError as error:
        prepared.error = error
    return prepared


def _filter_in_advance(given: Given | None, prepared: _Prepared) -> None:
    """Installs the filter of system calls, which lets everything pass that this child still does."""
    rules = given.outfit.sandbox if given else None
    if rules is None:
        return
    try:
        with _step("seccomp"):
            _filter_calls(rules)
    except ChildError as error:
        prepared.error = error


def _rehearse(prepared: _Prepared) -> None:
    """Runs the steps up to exec once on a sample, without effect.

    After a fork, a page of memory is copied when it is first written to, and in Python even reading writes (reference
    counts). This takes some 300 page faults, which happen here before a command waits for them.
    """
    receiving, sending = channel_pair()
    sending.send(encode(_SAMPLE), [0, 1, 2, 0])
    packet, descriptors = receiving.receive()
    spec = decode(packet)
    with contextlib.suppress(ChildError), _step("rehearsal"):
        if isinstance(spec, StageSpec) and spec.sandbox is not None:
            _place(descriptors, tuple(place + _BEYOND_CONTROL for place in spec.places))
            if prepared.ruleset is not None:
                landlock.extend(prepared.ruleset, SandboxRules())
            elif landlock.abi():
                os.close(landlock.prepare(spec.sandbox))
            os.execve(spec.executable, spec.argv, spec.environment)  # noqa: S606 - fails, because it is a directory
    receiving.close()
    sending.close()
    close_all(descriptors)
    os.closerange(_BEYOND_CONTROL, 3 * _BEYOND_CONTROL)


def _wait_for_packet(control: Channel, launcher_pid: int) -> None:
    """Returns at once where the channel has an end of file, because then receiving is all that is needed."""
    while PARENT_POLL_S is not None and not select.select([control], [], [], PARENT_POLL_S)[0]:
        if os.getppid() != launcher_pid:
            os._exit(FAILED_EXIT_CODE)


def _become(packet: bytes, descriptors: list[int], prepared: _Prepared) -> None:
    spec = decode(packet)
    if not isinstance(spec, StageSpec):
        raise ChildError("protocol: not a stage")
    if prepared.error is not None:
        raise prepared.error
    if spec.working_directory:
        with _step("working directory"):
            os.chdir(spec.working_directory)
    with _step("landlock"):
        _enforce(spec.sandbox, prepared)
    with _step("descriptors"):
        _place(descriptors, spec.places)
    with _step("limits"):  # after the descriptors, because it limits their number
        _set_limits(spec.limits)
    with _step("seccomp"):
        _filter_the_rest(spec.sandbox, prepared)
    with _step("exec"):
        os.execve(spec.executable, spec.argv, spec.environment)  # noqa: S606 - no shell is the point


def _enforce(rules: SandboxRules | None, prepared: _Prepared) -> None:
    """Enforces the prepared rules together with those of the spec, before the first descriptor is placed."""
    if prepared.ruleset is not None:
        landlock.extend(prepared.ruleset, rules or SandboxRules())
        landlock.enforce(prepared.ruleset)
    elif rules is not None:
        landlock.restrict(rules)


def _filter_calls(rules: SandboxRules) -> None:
    (seccomp.isolate if rules.alone else seccomp.restrict_sockets)()


def _filter_the_rest(rules: SandboxRules | None, prepared: _Prepared) -> None:
    """Installs what no filter denies yet. Only the command's own rules say whether it may listen."""
    if rules is None:
        return
    if prepared.ruleset is None:
        _filter_calls(rules)
    if not (rules.alone or rules.listens or rules.bind_ports or rules.own_ranges):
        seccomp.forbid_listening()


@contextlib.contextmanager
def _step(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise ChildError(f"{name}: {_reason(error)}") from error


def _set_limits(limits: Limits) -> None:
    _set_limit(resource.RLIMIT_FSIZE, limits.file_size_bytes)
    _set_limit(resource.RLIMIT_NOFILE, limits.open_files)
    _set_limit(resource.RLIMIT_CORE, limits.core_bytes)
    if limits.memory_bytes is not None:
        _set_limit(resource.RLIMIT_DATA, limits.memory_bytes)
    if limits.address_space_bytes is not None and IS_LINUX:
        _set_limit(resource.RLIMIT_AS, limits.address_space_bytes)
    # SIGXCPU comes first, because it tells the reason; SIGKILL ends a program that ignores it.
    _set_limit(resource.RLIMIT_CPU, limits.cpu_s, grace=CPU_GRACE_S)


def _set_limit(kind: int, value: int, *, grace: int = 0) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:  # without privileges a limit can only be lowered
        value, grace = min(value, hard), min(grace, max(hard - value, 0))
    resource.setrlimit(kind, (value, value + grace))


def _place(descriptors: list[int], places: tuple[int, ...]) -> None:
    """Renumbers the descriptors. Moves them out of the way first, so that none is overwritten."""
    out_of_the_way = max(places, default=0) + _BEYOND_CONTROL
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, out_of_the_way) for descriptor in descriptors]
    for place, descriptor in zip(places, moved, strict=True):
        os.dup2(descriptor, place)


def _reason(error: OSError | ValueError) -> str:
    # Never use str(error), which may quote a path or a value.
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return type(error).__name__
