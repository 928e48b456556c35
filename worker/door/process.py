"""The door's process: what it gives up before it serves, and when it ends."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import traceback
from typing import NoReturn

from shared.network import certificate_paths
from worker.door import failure
from worker.door.http.child_connection import ChildConnection
from worker.door.messages import Access
from worker.door.reception import DoorReception
from worker.door.visits import tls
from worker.launcher import landlock, seccomp
from worker.launcher.channel import PARENT_POLL_S, Channel
from worker.launcher.kernel import IS_LINUX, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, prctl
from worker.launcher.protocol import SandboxRules

HELD_BACK_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
OOM_SCORE = "500"
"""Between the worker, which holds all jobs, and the commands, which end first (proc_pid_oom_score_adj(5))."""


def harden(parent: int) -> None:
    """Makes the process unreadable for others, and makes it end with its worker."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK_SIGNALS)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not IS_LINUX:
        return
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write(OOM_SCORE)
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the worker died before the request above
        os._exit(1)


def confine() -> None:
    """Gives up all files but certificates, all new sockets, and all child processes."""
    _load_the_rest()
    if landlock.abi():
        landlock.restrict(SandboxRules(read=certificate_paths.READABLE, connect_ports=()))
        seccomp.isolate()


def _load_the_rest() -> None:
    """Loads what Python would load at its first use, when it can read its own files no more."""
    "localhost".encode("idna")
    tls.context(Access(pass_="", principal="", server="https://localhost"))
    traceback.format_exception(ValueError())


async def serve(listener: socket.socket, channel: Channel) -> NoReturn:
    """Serves until the worker has ended."""
    asyncio.get_running_loop().set_exception_handler(failure.on_loop_error)
    host, port = listener.getsockname()
    reception = DoorReception(channel, f"{host}:{port}")
    server = await asyncio.get_running_loop().create_server(lambda: ChildConnection(reception), sock=listener)
    confine()
    await server.start_serving()
    await _end_of_worker(reception.ended)
    os._exit(0)  # the worker is gone, and a loop that closes would need what was given up


async def _end_of_worker(ended: asyncio.Event) -> None:
    """Waits for the end of the link, or of the parent where a link has no end."""
    parent = os.getppid()
    while os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PARENT_POLL_S):
                await ended.wait()
                return
