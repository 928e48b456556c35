"""Becomes another program on a kernel that seems to have no Landlock: `python -m tests.support.without_landlock ARGV`.

A seccomp filter answers its system call as kernels before Linux 5.13 do. x86_64 and aarch64 number it alike.
"""

import ctypes
import errno
import os
import struct
import sys

LANDLOCK_CREATE_RULESET = 444
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
LOAD, IS, RETURN = 0x20, 0x15, 0x06
ALLOW, SAY_IT_IS_MISSING = 0x7FFF0000, 0x00050000 | errno.ENOSYS
PROGRAM = (
    (LOAD, 0, 0, 0),
    (IS, 0, 1, LANDLOCK_CREATE_RULESET),
    (RETURN, 0, 0, SAY_IT_IS_MISSING),
    (RETURN, 0, 0, ALLOW),
)


def hide_landlock() -> None:
    """For this process and all that it starts, for good."""
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in PROGRAM)
    buffer = ctypes.create_string_buffer(code, len(code))
    filters = struct.pack("@HP", len(PROGRAM), ctypes.addressof(buffer))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filters):
        raise OSError(ctypes.get_errno(), "no seccomp filter")


if __name__ == "__main__":
    hide_landlock()
    os.execv(sys.argv[1], sys.argv[1:])
