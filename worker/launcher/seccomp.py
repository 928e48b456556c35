"""seccomp: what Landlock has no rules for.

A CLI gets no sockets that go past Landlock's rules, which know TCP alone. A filter is kept alone: no socket of any
kind, no child, no hand on another process, for signals are judged on newer kernels only, and limits, priorities and
shared memory of another process of the same user are not at all.

Runs in a child, just before exec. On a processor that is not listed nothing is denied: Landlock's rules remain.
Numbers are those of `linux/filter.h`, `linux/seccomp.h`, `linux/audit.h` and of each processor's table of system calls.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Sequence
from typing import NamedTuple

from worker.launcher.kernel import IS_LINUX, syscall

_SET_MODE_FILTER = 1
_INSTRUCTION_BYTES = 8
_LOAD, _IS, _IS_AT_LEAST, _HAS_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _FAIL_WITH = 0x7FFF0000, 0x00050000
_DENY, _SAY_IT_IS_MISSING = _FAIL_WITH | errno.EACCES, _FAIL_WITH | errno.ENOSYS
_CALL_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT, _THIRD_ARGUMENT_AT = 0, 4, 16, 32
_X32_CALLS = 0x40000000
"""x86 has a second numbering of the same calls from here on; elsewhere there is nothing."""
_IO_URING_SETUP = 425
"""A ring makes sockets too, past this filter."""
_CLONE3 = 435
"""Its flags are out of sight: where it seems not to exist, C libraries take `clone` for their threads."""
_CLONE_THREAD = 0x00010000
_PIDFD_CALLS = (424, 434, 438)
"""pidfd_send_signal, pidfd_open, pidfd_getfd"""
_ITSELF = 0
"""As a process id, in the calls that take one."""
_LOCAL_FAMILIES = (1, 16)
"""AF_UNIX and AF_NETLINK, from which a program learns its addresses."""
_INTERNET_FAMILIES = (2, 10)
"""AF_INET and AF_INET6. There are others that carry TCP past Landlock's rules (AF_SMC), or reach a host (AF_VSOCK)."""
_INTERNET_PROTOCOLS = (0, 6, 17)
"""The family's own, TCP and UDP. Landlock knows TCP alone, and MPTCP, which Go's listeners prefer, is another."""


class _Machine(NamedTuple):
    architecture: int
    seccomp: int
    socket: int
    clone: int
    tgkill: int
    """How a C library and Go's runtime signal their own threads."""
    prlimit: int
    """How a C library asks for limits of its own."""
    denied: tuple[int, ...]
    """What opens a way out: see the names beside the numbers."""


_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        seccomp=317,
        socket=41,
        clone=56,
        tgkill=234,
        prlimit=302,
        denied=(
            *(53, 57, 58),  # socketpair, fork, vfork
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
        clone=220,
        tgkill=131,
        prlimit=261,
        denied=(
            199,
            *(129, 130, 117, 270, 271),
            *(154, 157, 140, 30),
            *(118, 119, 122, 274),
            *(194, 190, 186, 180),
            *(_IO_URING_SETUP, *_PIDFD_CALLS),
        ),
    ),
}


def is_supported() -> bool:
    """Whether this processor is one of those listed."""
    return IS_LINUX and os.uname().machine in _MACHINES


def isolate() -> None:
    """Leaves the calling process its threads alone, for good; needs no-new-privileges. Raises OSError."""
    if is_supported():
        machine = _MACHINES[os.uname().machine]
        _install(machine, _alone(machine))


def restrict_sockets() -> None:
    """Leaves the calling process sockets of the kinds that Landlock judges, and UDP; likewise. Raises OSError."""
    if is_supported():
        machine = _MACHINES[os.uname().machine]
        _install(machine, _with_sockets(machine))


def _install(machine: _Machine, program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program, len(program))
    syscall(
        machine.seccomp,
        _SET_MODE_FILTER,
        0,
        struct.pack("@HP", len(program) // _INSTRUCTION_BYTES, ctypes.addressof(buffer)),
    )


def _with_the_call(machine: _Machine) -> tuple[bytes, ...]:
    """BPF. A call of another architecture (32 bits) has other numbers and is denied, whichever it is."""
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
            _return_unless(_IS, machine.socket, _ALLOW),
            _instruction(_LOAD, _FIRST_ARGUMENT_AT),
            *(_return_if(_IS, family, _ALLOW) for family in _LOCAL_FAMILIES),
            *_return_unless_one_of(_INTERNET_FAMILIES, _FAIL_WITH | errno.EAFNOSUPPORT),
            _instruction(_LOAD, _THIRD_ARGUMENT_AT),
            *_return_unless_one_of(_INTERNET_PROTOCOLS, _FAIL_WITH | errno.EPROTONOSUPPORT),
            _instruction(_RETURN, _ALLOW),
        )
    )


def _alone(machine: _Machine) -> bytes:
    return b"".join(
        (
            *_with_the_call(machine),
            *(_return_if(_IS, call, _DENY) for call in (machine.socket, *machine.denied)),
            _return_if(_IS, _CLONE3, _SAY_IT_IS_MISSING),
            *_only_on(machine.tgkill, (os.getpid(),)),
            *_only_on(machine.prlimit, (_ITSELF, os.getpid())),
            _return_unless(_IS, machine.clone, _ALLOW),
            _instruction(_LOAD, _FIRST_ARGUMENT_AT),
            _return_unless(_HAS_BIT, _CLONE_THREAD, _DENY),
            _instruction(_RETURN, _ALLOW),
        )
    )


def _only_on(call: int, processes: Sequence[int]) -> tuple[bytes, ...]:
    """Lets that call name these processes only; they keep their ids when they become another program."""
    judged = (
        _instruction(_LOAD, _FIRST_ARGUMENT_AT),
        *(_return_if(_IS, process, _ALLOW) for process in processes),
        _instruction(_RETURN, _DENY),
    )
    return (_instruction(_IS, call, skip_unless=len(b"".join(judged)) // _INSTRUCTION_BYTES), *judged)


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
