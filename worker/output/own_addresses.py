"""Keeps the addresses of the worker's own listeners out of what a tool prints."""

from collections.abc import Mapping

from worker.output.dial_errors import DialErrors
from worker.output.replacing import Replaced


class WithoutOwnAddresses:
    """One stream of output, with its replacements and without errors about the proxy at `proxy_place`."""

    def __init__(self, replacements: Mapping[bytes, bytes], proxy_place: str | None) -> None:
        self._errors = DialErrors(proxy_place) if proxy_place else None
        self._replaced = Replaced(replacements)

    def add(self, data: bytes) -> bytes:
        """Returns output that is ready. An end of the data that may be part of an occurrence is held back."""
        return self._replaced.add(self._errors.add(data) if self._errors else data)

    def end(self) -> bytes:
        """Returns the held output."""
        last = self._errors.end() if self._errors else b""
        return self._replaced.add(last) + self._replaced.end()
