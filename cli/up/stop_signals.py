"""What a signal to `up` asks for: the first one to stop, the next one to hurry, and a SIGHUP to reload."""

import asyncio
import os
import signal

TERMINAL = "/dev/tty"
"""That of this process, whatever its standard streams are; it cannot be opened once it is closed."""


class StopSignals:
    """Ctrl-C and SIGTERM drain. A terminal that is closed leaves nobody to press Ctrl-C again: that hurries.

    A SIGHUP that does not come from a closed terminal is the operator's, who wants the policy's file read again; where
    there is no such file (`reloads` is False), it hurries too.
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
