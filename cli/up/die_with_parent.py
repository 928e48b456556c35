"""Replaces itself with the given program, and asks the kernel to signal that program when its parent dies.

Arguments: PARENT SIGNAL PROGRAM …

This is a separate program because no code should run between the fork and the exec of a process that may have threads.
It is run by its path under `python -I -S`, so it imports only the standard library. Linux only (PR_SET_PDEATHSIG).
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Does not return. The process exits if its parent is already gone."""
    parent, signum, *command = arguments
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(int(signum)), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the parent process is gone")
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
