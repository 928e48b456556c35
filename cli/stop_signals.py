"""What a signal to `up` asks for: the first one to stop, the next one to hurry."""

import asyncio
import signal


class StopSignals:
    """Ctrl-C and SIGTERM drain. A terminal that is closed leaves nobody to press Ctrl-C again: that hurries."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()

    def listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _on_stop(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()

    def _on_hangup(self) -> None:
        self.stop.set()
        self.hurry.set()
