"""Holds a tool's complete standard output until it is masked. Nothing of it is passed on before.

Output that is too large or cannot be read is withheld completely, with a reason.
"""

import asyncio

from worker.door.masking.tree import MaskingError
from worker.output.masking import release_text

MOST_BYTES = 8 * 1024 * 1024
"""Largest output in bytes, some thousand Secrets. Reading it takes seconds and up to 200 MB, in a thread."""


class HeldOutput:
    """The output of one command. `withheld` is the reason if it is not shown."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._is_too_much = False
        self.withheld: str | None = None

    def add(self, data: bytes) -> None:
        """Takes a chunk of output as the tool wrote it."""
        if not self._is_too_much and len(self._held) + len(data) <= MOST_BYTES:
            self._held += data
        else:
            self._is_too_much = True
            self._held.clear()

    async def masked(self) -> bytes:
        """Returns the masked output, or nothing if the output cannot be masked."""
        try:
            masked = await asyncio.to_thread(self._mask)
        except MaskingError as error:
            self.withheld = f"the output is withheld: it may contain values of Secrets and cannot be masked: {error}"
            return b""
        finally:
            self._held.clear()
        return masked.encode("utf-8", "replace")

    def _mask(self) -> str:
        if self._is_too_much:
            raise MaskingError(f"it has more than {MOST_BYTES} bytes")
        text = self._text()
        return release_text.mask(text) if text else ""

    def _text(self) -> str:
        try:
            return self._held.decode()
        except UnicodeDecodeError:
            pass
        raise MaskingError("it is not UTF-8 text")
