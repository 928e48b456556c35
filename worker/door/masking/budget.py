"""What one object of an answer, or the body of one request, may cost: the door does nothing else while it masks it."""

import zlib
from dataclasses import dataclass

MOST_OPENED = 4
"""Packed values that are opened. An object in which helm keeps a release has one."""
MOST_UNPACKED_BYTES = 8 * 1024 * 1024
"""Length of all opened values together. etcd stores no more than 1.5 MiB of one, packed."""
MOST_YAML_CHARACTERS = 2 * 1024 * 1024
"""Characters of YAML that are read. Documents that are certainly not Secrets are not read."""
MOST_VALUES = 50_000
"""Values that are looked at in YAML and among a chart's values. Each takes some microseconds."""
MOST_PARTS = 100_000
"""Commas and brackets in JSON that is read."""
_CHARACTERS_OF_VALUE = 10
"""Characters of a chart's value in which a search for credentials takes as long as one more value."""
_VALUES_OF_DOCUMENT = 5
"""Values that can be read in the time that it takes to begin a document."""
_GZIP = 16 + zlib.MAX_WBITS


class TooCostlyError(Exception):
    """Masking would cost more than the budget, or a packed value has no end."""


@dataclass(slots=True)
class Budget:
    """What is left to spend."""

    values: int = MOST_VALUES
    yaml_characters: int = MOST_YAML_CHARACTERS
    unpacked_bytes: int = MOST_UNPACKED_BYTES
    opened: int = MOST_OPENED

    def unpack(self, packed: bytes) -> bytes:
        """Returns the content of a gzip stream. Raises `TooCostlyError`, and `ValueError` if it is no such stream."""
        self.opened -= 1
        if self.opened < 0:
            raise TooCostlyError
        unpacker = zlib.decompressobj(_GZIP)
        try:
            content = unpacker.decompress(packed, self.unpacked_bytes + 1)
        except zlib.error:
            raise ValueError("it is not packed by gzip") from None
        self.unpacked_bytes -= len(content)
        if self.unpacked_bytes < 0 or not unpacker.eof:
            raise TooCostlyError
        return content

    def read_document(self, text: str) -> None:
        """Spends what it costs to begin to read a document of YAML. Raises `TooCostlyError`."""
        self.yaml_characters -= len(text)
        self.look_at_values(_VALUES_OF_DOCUMENT)
        if self.yaml_characters < 0:
            raise TooCostlyError

    def look_at_text(self, text: str) -> None:
        """Spends what it costs to search a chart's value for credentials. Raises `TooCostlyError`."""
        self.look_at_values(1 + len(text) // _CHARACTERS_OF_VALUE)

    def look_at_values(self, count: int = 1) -> None:
        """Spends what it costs to look at values. Raises `TooCostlyError`."""
        self.values -= count
        if self.values < 0:
            raise TooCostlyError


def is_readable(content: bytes) -> bool:
    """Whether a text of JSON has so few parts that it can be read at once."""
    return sum(map(content.count, (b",", b"[", b"{"))) <= MOST_PARTS
