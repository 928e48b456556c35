"""Linux calls that Python's own library lacks: prctl, and system calls by number. Callers check `IS_LINUX` first."""

import ctypes
import os
import sys
from collections.abc import Callable

IS_LINUX = sys.platform == "linux"

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """Calls prctl(2). Raises OSError."""
    # All arguments are longs: the call is variadic, and a 32-bit argument leaves the upper half undefined.
    result = _libc.prctl(*(ctypes.c_long(number) for number in (option, value, 0, 0, 0)))
    _raise_on(result)


def syscall(number: int, *arguments: int | bytes | None) -> int:
    """Makes a system call. Bytes are passed as a pointer. Raises OSError."""
    return prepared(number, *arguments)()


def prepared(number: int, *arguments: int | bytes | None) -> Callable[[], int]:
    """Prepares a system call that is made many times: converting the arguments takes longer than the call."""
    converted = (ctypes.c_long(number), *(_as_c(value) for value in arguments))

    def call() -> int:
        result: int = _libc.syscall(*converted)
        _raise_on(result)
        return result

    return call


def _as_c(value: int | bytes | None) -> ctypes.c_long | ctypes.c_char_p:
    return ctypes.c_long(value) if isinstance(value, int) else ctypes.c_char_p(value)


def _raise_on(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
