"""A hangup means what its sender means: a closed terminal ends `up`, an operator's signal reloads its policy."""

import os
import signal
import subprocess
import sys

import pytest

from tests.support import processes
from tests.support.product import PROJECT

LISTENER = """
import asyncio, os, sys
from cli.up.stop_signals import StopSignals

async def main(terminal, reloads):
    if terminal:
        os.open(terminal, os.O_RDWR)  # the first of a session's leader becomes its terminal
    signals = StopSignals(reloads=reloads == "reloads")
    signals.listen()
    print("listening", flush=True)
    while not signals.hurry.is_set():
        events = [asyncio.ensure_future(event.wait()) for event in (signals.hurry, signals.reload)]
        await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
        for event in events:
            event.cancel()
        if signals.reload.is_set():
            signals.reload.clear()
            print("reload", flush=True)
    print("hurry", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


class Listener:
    """A process in a session of its own, with or without a terminal."""

    def __init__(self, terminal: str, *, reloads: bool) -> None:
        arguments = [terminal, "reloads" if reloads else ""]
        self.process = subprocess.Popen(
            processes.dying_with_parent([sys.executable, "-c", LISTENER, *arguments]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            start_new_session=True,
        )
        assert self.said() == "listening"

    def said(self) -> str:
        """The next line; the test's own time limit bounds the wait."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_closed_terminal_hurries_and_a_signal_reloads() -> None:
    master, slave = os.openpty()
    listener = Listener(os.ttyname(slave), reloads=True)
    try:
        os.close(slave)
        listener.process.send_signal(signal.SIGHUP)
        assert listener.said() == "reload"
        os.close(master)
        assert listener.said() == "hurry"
    finally:
        listener.close()


@pytest.mark.parametrize(("reloads", "said"), [(True, "reload"), (False, "hurry")])
def test_signal_without_a_terminal_reloads_where_there_is_something_to_read(reloads: bool, said: str) -> None:
    listener = Listener("", reloads=reloads)
    try:
        listener.process.send_signal(signal.SIGHUP)
        assert listener.said() == said
    finally:
        listener.close()
