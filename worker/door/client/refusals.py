"""What the door refused to one command."""

from collections.abc import Callable
from dataclasses import dataclass

MOST_CHARACTERS = 1_024
"""Longest text that is kept of a refusal."""


@dataclass(slots=True)
class Refusals:
    """The first refused change and the first refused read of a visit."""

    change: str = ""
    read: str = ""
    on_repeated: Callable[[str], None] | None = None
    """Called with a refusal that the command does not accept: it sends the same request again and again."""

    def add(self, text: str, *, is_change: bool, is_repeated: bool) -> None:
        """Notes a refusal."""
        text = text[:MOST_CHARACTERS]
        if is_change:
            self.change = self.change or text
        else:
            self.read = self.read or text
        if is_repeated and self.on_repeated is not None:
            self.on_repeated(text)
