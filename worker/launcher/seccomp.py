"""seccomp filters for access that Landlock does not cover.

Landlock's network rules cover only TCP, so a CLI may only make sockets that these rules judge, and UDP sockets. They
miss a connection that is made by sending, which no process may do. A text filter and the worker's door are isolated:
they may make and connect no sockets and make no child processes, and they cannot affect another process. Landlock
covers signals only on newer kernels, and never the limits, priorities and shared memory of other processes of the same
user.

The filters are installed in a child just before exec. On a processor that is not listed here, nothing is denied and
only Landlock's rules apply. The numbers come from `linux/filter.h`, `linux/seccomp.h`, `linux/audit.h` and each
processor's table of system calls.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from worker.launcher.kernel import IS_LINUX, syscall

_SET_MODE_FILTER = 1
_INSTRUCTION_BYTES = 8
_LOAD, _IS, _IS_AT_LEAST, _HAS_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _FAIL_WITH = 0x7FFF0000, 0x00050000
_DENY, _SAY_IT_IS_MISSING = _FAIL_WITH | errno.EACCES, _FAIL_WITH | errno.ENOSYS
_CALL_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT, _THIRD_ARGUMENT_AT, _FOURTH_ARGUMENT_AT = 0, 4, 16, 32, 40
_X32_CALLS = 0x40000000
"""On x86, a second numbering (x32) of the same calls starts here. Other processors have no calls here."""
_IO_URING_SETUP = 425
"""io_uring can make sockets, which this filter would not see."""
_CLONE3 = 435
"""A filter cannot read the flags of clone3. If the call seems to be missing, C libraries use `clone` instead."""
_CLONE_THREAD = 0x00010000
_PIDFD_CALLS = (424, 434, 438)
"""pidfd_send_signal, pidfd_open, pidfd_getfd"""
_ITSELF = 0
"""Process id that stands for the calling process."""
_FAST_OPEN = 0x20000000
"""MSG_FASTOPEN: with it, sending connects a TCP socket, which Landlock does not judge."""
_LOCAL_FAMILIES = (1, 16)
"""AF_UNIX, and AF_NETLINK, with which a program lists its network addresses."""
_INTERNET_FAMILIES = (2, 10)
"""AF_INET and AF_INET6. Other families bypass Landlock's TCP rules (AF_SMC) or reach the host (AF_VSOCK)."""
_INTERNET_PROTOCOLS = (0, 6, 17)
"""The family's default, TCP and UDP. MPTCP, which Go's listeners prefer, is left out: Landlock does not cover it."""


@dataclass(frozen=True, slots=True)
class _Machine:
    architecture: int
    seccomp: int
    socket: int
    listen: int
    clone: int
    tgkill: int
    """Number of the call with which C libraries and Go's runtime signal their own threads."""
    prlimit: int
    """Number of the call with which a C library reads its own limits."""
    sends: tuple[tuple[int, int], ...]
    """Numbers of the calls that send a message, and where the argument with their flags is."""
    denied: tuple[int, ...]
    """Numbers of the calls that affect other processes or bypass the filter. The comments give the names."""


_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        seccomp=317,
        socket=41,
        listen=50,
        clone=56,
        tgkill=234,
        prlimit=302,
        sends=((44, _FOURTH_ARGUMENT_AT), (46, _THIRD_ARGUMENT_AT), (307, _FOURTH_ARGUMENT_AT)),
        denied=(
            *(53, 42, 49),  # socketpair, connect, bind
            *(57, 58),  # fork, vfork
            *(62, 200, 101, 310, 311),  # kill, tkill, ptrace, process_vm_readv, process_vm_writev
            *(109, 112, 141, 251),  # setpgid, setsid, setpriority, ioprio_set
            *(142, 144, 203, 314),  # sched_setparam, sched_setscheduler, sched_setaffinity, sched_setattr
            *(29, 64, 68, 240),  # shmget, semget, msgget, mq_open
            *(_IO_URING_SETUP, *_PIDFD_CALLS),
        ),
    ),
    "aarch64": _Machine(
        0xC00000B7,
        seccomp=277,
        socket=198,
        listen=201,
        clone=220,
        tgkill=131,
        prlimit=261,
        sends=((206, _FOURTH_ARGUMENT_AT), (211, _THIRD_ARGUMENT_AT), (269, _FOURTH_ARGUMENT_AT)),
        denied=(
            *(199, 203, 200),
            *(129, 130, 117, 270, 271),
            *(154, 157, 140, 30),
            *(118, 119, 122, 274),
            *(194, 190, 186, 180),
            *(_IO_URING_SETUP, *_PIDFD_CALLS),
        ),
    ),
}


def is_supported() -> bool:
    """Returns whether the filters know this processor."""
    return IS_LINUX and os.uname().machine in _MACHINES


def isolate() -> None:
    """Denies the calling process sockets and connections, child processes and access to other processes.

    This cannot be undone, and needs no-new-privileges. Raises OSError.
    """
    _install(_alone)


def restrict_sockets() -> None:
    """Denies the calling process sockets other than TCP, UDP, AF_UNIX and AF_NETLINK.

    This cannot be undone, and needs no-new-privileges. Raises OSError.
    """
    _install(_with_sockets)


def forbid_listening() -> None:
    """Denies the calling process to listen: Landlock judges `bind`, and listening without it takes any port.

    This cannot be undone, and needs no-new-privileges. Raises OSError.
    """
    _install(_without_listeners)


def _install(program_for: Callable[[_Machine], bytes]) -> None:
    if not is_supported():
        return
    machine = _MACHINES[os.uname().machine]
    program = program_for(machine)
    buffer = ctypes.create_string_buffer(program, len(program))
    syscall(
        machine.seccomp,
        _SET_MODE_FILTER,
        0,
        struct.pack("@HP", len(program) // _INSTRUCTION_BYTES, ctypes.addressof(buffer)),
    )


def _with_the_call(machine: _Machine) -> tuple[bytes, ...]:
    """Returns BPF code that loads the call's number. It denies calls of other architectures, such as 32-bit ones."""
    return (
        _instruction(_LOAD, _ARCHITECTURE_AT),
        _return_unless(_IS, machine.architecture, _DENY),
        _instruction(_LOAD, _CALL_AT),
        _return_if(_IS_AT_LEAST, _X32_CALLS, _DENY),
    )


def _with_sockets(machine: _Machine) -> bytes:
    return b"".join(
        (
            *_with_the_call(machine),
            _return_if(_IS, _IO_URING_SETUP, _SAY_IT_IS_MISSING),
            *_without_fast_open(machine),
            _return_unless(_IS, machine.socket, _ALLOW),
            _instruction(_LOAD, _FIRST_ARGUMENT_AT),
            *(_return_if(_IS, family, _ALLOW) for family in _LOCAL_FAMILIES),
            *_return_unless_one_of(_INTERNET_FAMILIES, _FAIL_WITH | errno.EAFNOSUPPORT),
            _instruction(_LOAD, _THIRD_ARGUMENT_AT),
            *_return_unless_one_of(_INTERNET_PROTOCOLS, _FAIL_WITH | errno.EPROTONOSUPPORT),
            _instruction(_RETURN, _ALLOW),
        )
    )


def _without_listeners(machine: _Machine) -> bytes:
    return b"".join(
        (
            *_with_the_call(machine),
            _return_if(_IS, machine.listen, _DENY),
            _instruction(_RETURN, _ALLOW),
        )
    )


def _alone(machine: _Machine) -> bytes:
    return b"".join(
        (
            *_with_the_call(machine),
            *(_return_if(_IS, call, _DENY) for call in (machine.socket, machine.listen, *machine.denied)),
            _return_if(_IS, _CLONE3, _SAY_IT_IS_MISSING),
            *_without_fast_open(machine),
            *_only_on(machine.tgkill, (os.getpid(),)),
            *_only_on(machine.prlimit, (_ITSELF, os.getpid())),
            _return_unless(_IS, machine.clone, _ALLOW),
            _instruction(_LOAD, _FIRST_ARGUMENT_AT),
            _return_unless(_HAS_BIT, _CLONE_THREAD, _DENY),
            _instruction(_RETURN, _ALLOW),
        )
    )


def _only_on(call: int, processes: Sequence[int]) -> tuple[bytes, ...]:
    """Returns BPF code that lets the call name only these processes. A process keeps its id after exec."""
    judged = (
        _instruction(_LOAD, _FIRST_ARGUMENT_AT),
        *(_return_if(_IS, process, _ALLOW) for process in processes),
        _instruction(_RETURN, _DENY),
    )
    return (_instruction(_IS, call, skip_unless=len(b"".join(judged)) // _INSTRUCTION_BYTES), *judged)


def _without_fast_open(machine: _Machine) -> tuple[bytes, ...]:
    """Returns BPF code that lets the calls that send a message connect no socket."""
    code: list[bytes] = []
    for call, flags_at in machine.sends:
        judged = (
            _instruction(_LOAD, flags_at),
            _return_if(_HAS_BIT, _FAST_OPEN, _DENY),
            _instruction(_RETURN, _ALLOW),
        )
        skipped = len(b"".join(judged)) // _INSTRUCTION_BYTES
        code += (_instruction(_IS, call, skip_unless=skipped), *judged)
    return tuple(code)


def _return_unless_one_of(values: Sequence[int], verdict: int) -> tuple[bytes, ...]:
    past_the_return = len(values)
    tests = (_instruction(_IS, value, skip_if=past_the_return - place) for place, value in enumerate(values))
    return (*tests, _instruction(_RETURN, verdict))


def _return_if(test: int, value: int, verdict: int) -> bytes:
    return _instruction(test, value, skip_unless=1) + _instruction(_RETURN, verdict)


def _return_unless(test: int, value: int, verdict: int) -> bytes:
    return _instruction(test, value, skip_if=1) + _instruction(_RETURN, verdict)


def _instruction(code: int, value: int, *, skip_if: int = 0, skip_unless: int = 0) -> bytes:
    return struct.pack("=HBBI", code, skip_if, skip_unless, value)
