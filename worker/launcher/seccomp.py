"""seccomp: keeps a process alone, without sockets of any kind and without children. Landlock has rules for TCP alone.

Runs in a child, just before exec. On a processor that is not listed nothing is denied: Landlock's rules remain.
Numbers are those of `linux/filter.h`, `linux/seccomp.h`, `linux/audit.h` and of each processor's table of system calls.
"""

import ctypes
import errno
import os
import struct
from typing import NamedTuple

from worker.launcher.kernel import IS_LINUX, syscall

_SET_MODE_FILTER = 1
_LOAD, _IS, _IS_AT_LEAST, _HAS_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _DENY, _SAY_IT_IS_MISSING = 0x7FFF0000, 0x00050000 | errno.EACCES, 0x00050000 | errno.ENOSYS
_CALL_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_X32_CALLS = 0x40000000
"""x86 has a second numbering of the same calls from here on; elsewhere there is nothing."""
_IO_URING_SETUP = 425
"""A ring makes sockets too, past this filter."""
_CLONE3 = 435
"""Its flags are out of sight: where it seems not to exist, C libraries take `clone` for their threads."""
_CLONE_THREAD = 0x00010000


class _Machine(NamedTuple):
    architecture: int
    seccomp: int
    clone: int
    denied: tuple[int, ...]
    """socket and socketpair; where they exist beside clone, fork and vfork."""


_MACHINES = {
    "x86_64": _Machine(0xC000003E, seccomp=317, clone=56, denied=(41, 53, 57, 58, _IO_URING_SETUP)),
    "aarch64": _Machine(0xC00000B7, seccomp=277, clone=220, denied=(198, 199, _IO_URING_SETUP)),
}


def is_supported() -> bool:
    """Whether this processor is one of those listed."""
    return IS_LINUX and os.uname().machine in _MACHINES


def isolate() -> None:
    """Leaves the calling process its threads alone, for good; needs no-new-privileges. Raises OSError."""
    if not is_supported():
        return
    machine = _MACHINES[os.uname().machine]
    program = _program(machine)
    buffer = ctypes.create_string_buffer(program, len(program))
    syscall(machine.seccomp, _SET_MODE_FILTER, 0, struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer)))


def _program(machine: _Machine) -> bytes:
    """BPF. A call of another architecture (32 bits) has other numbers and is denied, whichever it is."""
    return b"".join(
        (
            _instruction(_LOAD, _ARCHITECTURE_AT),
            _return_unless(_IS, machine.architecture, _DENY),
            _instruction(_LOAD, _CALL_AT),
            _return_if(_IS_AT_LEAST, _X32_CALLS, _DENY),
            *(_return_if(_IS, call, _DENY) for call in machine.denied),
            _return_if(_IS, _CLONE3, _SAY_IT_IS_MISSING),
            _return_unless(_IS, machine.clone, _ALLOW),
            _instruction(_LOAD, _FIRST_ARGUMENT_AT),
            _return_unless(_HAS_BIT, _CLONE_THREAD, _DENY),
            _instruction(_RETURN, _ALLOW),
        )
    )


def _return_if(test: int, value: int, verdict: int) -> bytes:
    return _instruction(test, value, skip_unless=1) + _instruction(_RETURN, verdict)


def _return_unless(test: int, value: int, verdict: int) -> bytes:
    return _instruction(test, value, skip_if=1) + _instruction(_RETURN, verdict)


def _instruction(code: int, value: int, *, skip_if: int = 0, skip_unless: int = 0) -> bytes:
    return struct.pack("=HBBI", code, skip_if, skip_unless, value)
