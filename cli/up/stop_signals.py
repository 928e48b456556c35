"""Meaning of the signals to `up`: the first one stops it, the next one hurries it, and SIGHUP reloads the policy."""

import asyncio
import os
import signal

TERMINAL = "/dev/tty"
"""The controlling terminal of this process, which cannot be opened after the terminal was closed."""


class StopSignals:
    """Ctrl-C and SIGTERM drain. A closed terminal hurries, because the user cannot press Ctrl-C a second time there.

    Any other SIGHUP reloads the policy file. It hurries too if there is no policy file (`reloads` is False).
    """

    def __init__(self, *, reloads: bool = False) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        self.reload = asyncio.Event()
        self._reloads = reloads
        self._had_terminal = _has_terminal()

    def listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _on_stop(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()

    def _on_hangup(self) -> None:
        if self._reloads and self._had_terminal == _has_terminal():
            self.reload.set()
            return
        self.stop.set()
        self.hurry.set()


def _has_terminal() -> bool:
    try:
        os.close(os.open(TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
