"""The program that started the bridge: whether it still reads answers, and what its user is told on standard error."""

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer

STDOUT = 1
NAME = "mcp-k8s mcp-stdio"


class ClientProcess:
    """Belongs to the file descriptor to which the answers go."""

    def __init__(self, wire: int) -> None:
        self._wire = select.poll()
        self._wire.register(wire, 0)
        self._is_silence_told = False

    def is_reading(self) -> bool:
        """Returns False if nothing can read the answers any more, because the other end of the pipe is closed."""
        return not self._wire.poll(0)

    def tell(self, text: str) -> None:
        """Prints a line on standard error, because standard output carries the protocol."""
        with suppress(OSError):
            typer.echo(f"{NAME}: {text}", err=True)

    def tell_silence(self, text: str) -> None:
        """Tells that the gateway does not answer, once until it does."""
        if not self._is_silence_told:
            self.tell(text)
        self._is_silence_told = True

    def end_silence(self) -> None:
        """Notes that the gateway has answered."""
        self._is_silence_told = False


@contextmanager
def on_stdout() -> Iterator[ClientProcess]:
    """Yields the reader of standard output. Enter this before the SDK replaces the descriptor."""
    wire = os.dup(STDOUT)
    try:
        yield ClientProcess(wire)
    finally:
        os.close(wire)
