"""Holds a tool's complete standard output until it is masked. Nothing of it is passed on before.

Output that is too large or cannot be read is withheld completely, with a reason.
"""

import asyncio

from shared.command.masking import Masking
from worker.door.masking import messages, secret_objects
from worker.door.masking.tree import Masked, MaskingError
from worker.output.masking import difference, helm
from worker.output.masking.text import mask as mask_text

MOST_BYTES = 8 * 1024 * 1024
"""Largest output in bytes, some thousand Secrets. Reading it takes seconds and up to 200 MB, in a thread."""

_MASKERS = {
    Masking.DIFFERENCE: difference.mask,
    Masking.MANIFESTS: helm.manifests,
    Masking.MESSAGES: messages.mask,
    Masking.RELEASE: helm.release,
    Masking.RELEASE_OBJECT: helm.release_object,
    Masking.VALUES: helm.values,
}


class HeldOutput:
    """The output of one command. `withheld` is the reason if it is not shown."""

    def __init__(self, masking: Masking, *, is_endless: bool = False) -> None:
        self._masking = masking
        self._is_endless = is_endless
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
        return masked.text.encode("utf-8", "replace")

    def _mask(self) -> Masked:
        if self._is_too_much:
            raise MaskingError(f"it has more than {MOST_BYTES} bytes; ask for fewer objects, or for a table")
        text = self._text()
        if self._masking is Masking.OBJECTS:
            is_object = secret_objects.is_object
            return mask_text(text, secret_objects.changes, accepts=is_object, drops_end=self._is_endless)
        return _MASKERS[self._masking](text)

    def _text(self) -> str:
        try:
            return self._held.decode()
        except UnicodeDecodeError:
            pass
        raise MaskingError("it is not UTF-8 text")
