"""Starts the launcher: `--socket N --work-directory PATH`, in an empty environment.

It does not use argparse, because every fork copies the imported modules.
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
    """Serves until the worker has ended, then removes the work directory."""
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    # The worker decides when to stop. The signals are blocked, not ignored, so that a child does not miss a signal
    # that it gets between its fork and the reset of its inherited signal state.
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK_SIGNALS)
    if IS_LINUX:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        prctl(PR_SET_DUMPABLE, 0)
    worker = Channel.from_descriptor(int(options["--socket"]))
    server = Server(worker)
    gc.collect()
    gc.disable()  # nothing here makes cycles, and a collection in a child would copy every page of memory
    gc.freeze()
    try:
        server.serve()
    finally:
        _remove(options["--work-directory"])


def _remove(work_directory: str) -> None:
    import shutil  # noqa: PLC0415 - loads three compression libraries, needed only at the end of the process

    shutil.rmtree(work_directory, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
