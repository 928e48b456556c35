"""`python -m tests.support.without_landlock COMMAND…` runs it as on a kernel that has no Landlock: calls end in ENOSYS.

By a seccomp filter, which the command and all that it starts inherit. Linux only.
"""

import ctypes
import errno
import os
import struct
import sys

from worker.launcher.kernel import PR_SET_NO_NEW_PRIVS, prctl

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_LOAD, _IS, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _MISSING = 0x7FFF0000, 0x00050000 | errno.ENOSYS
_LANDLOCK_CREATE_RULESET = 444
"""On every processor."""


def main() -> None:
    """Never returns."""
    steps = (
        (_LOAD, 0, 0, 0),
        (_IS, 0, 1, _LANDLOCK_CREATE_RULESET),
        (_RETURN, 0, 0, _MISSING),
        (_RETURN, 0, 0, _ALLOW),
    )
    program = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_program = struct.pack("@HP", len(steps), ctypes.addressof(buffer))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    if ctypes.CDLL(None).prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_program, 0, 0) != 0:
        raise OSError("no filter can be set")
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
