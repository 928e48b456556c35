"""Starts the launcher: `--socket N --work-directory PATH`, in an empty environment.

Not argparse: what is imported here is copied by every fork.
"""

import gc
import signal
import sys

from worker.launcher.channel import Channel
from worker.launcher.kernel import IS_LINUX, PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, prctl
from worker.launcher.server import Server

HELD_BACK_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
)


def main(arguments: list[str]) -> None:
    """Serves until the worker is gone, then removes the work directory."""
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    # Blocked, not ignored: the worker decides when to stop, and a child must not miss a signal sent to it
    # between its fork and the reset of what it inherited.
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK_SIGNALS)
    if IS_LINUX:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        prctl(PR_SET_DUMPABLE, 0)
    worker = Channel.from_descriptor(int(options["--socket"]))
    server = Server(worker)
    gc.collect()
    gc.disable()  # nothing here makes cycles, and a collection in a child would copy every page
    gc.freeze()
    try:
        server.serve()
    finally:
        _remove(options["--work-directory"])


def _remove(work_directory: str) -> None:
    import shutil  # noqa: PLC0415 - brings three compression libraries, for the last act of a process

    shutil.rmtree(work_directory, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
