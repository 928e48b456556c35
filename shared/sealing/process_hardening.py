"""Protects a process with master keys from being read by other processes of the same user."""

import ctypes
import sys

import structlog

PR_SET_DUMPABLE = 4

log = structlog.get_logger()


def forbid_dumps() -> None:
    """Forbids core dumps, ptrace, and access to /proc/PID/mem and environ (prctl(2), PR_SET_DUMPABLE). Linux only."""
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        log.warning("process stays dumpable", errno=ctypes.get_errno())
