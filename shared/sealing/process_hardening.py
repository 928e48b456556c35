"""Keeps a process that holds master keys from being read by others of the same user."""

import ctypes
import sys

import structlog

PR_SET_DUMPABLE = 4

log = structlog.get_logger()


def forbid_dumps() -> None:
    """No core dumps, no ptrace, no /proc/PID/mem or environ for others (prctl(2), PR_SET_DUMPABLE). Linux only."""
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        log.warning("process stays dumpable", errno=ctypes.get_errno())
