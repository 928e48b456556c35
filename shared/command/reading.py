"""The parts of a command, as its CLI reads them. Classes, policy and execution all use this value."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from shared.command.values import named
from shared.command.values.decoding import Value
from shared.command.values.scalars import BOOLEANS
from shared.command.values.types import Names

TERMINATOR = "--"
"""The word after which no word is a flag."""
MAX_CLUSTER = 32
"""Most flags of one letter in one word. No CLI or filter has as many flags without a value."""


class Arity(Enum):
    VALUE = "takes a value"
    ALONE = "stands alone"
    UNKNOWN = "may do either"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a command. `name` is the long name, without dashes.

    A flag that is not in the CLI's table keeps the name as written, and its value is not decoded.
    """

    name: str
    written: str | None
    """The value as text, with which the flag can be written again; None if it has no value. See `decoded`."""
    arity: Arity
    decoded: Value | None = None
    """The value as the CLI reads it."""
    names: Names | None = None
    """What the value names, if it names something that the CLI looks up."""

    @property
    def is_off(self) -> bool:
        """Whether a flag that may stand alone is switched off: `--wait=false`, `--dry-run=none`."""
        word = self.decoded if isinstance(self.decoded, str) else ""
        is_false = self.decoded is False or word == "none" or not BOOLEANS.get(word, True)
        return self.arity is Arity.ALONE and is_false

    @property
    def text(self) -> str | None:
        """The decoded value if it is text, or the last one of several texts."""
        texts = () if self.decoded is None else tuple(named.texts(self.decoded))
        return texts[-1] if texts else None


@dataclass(frozen=True, slots=True)
class Reading:
    """A command's parts. Aliases in `verb` are replaced. Operands are the words that are neither verb nor flag."""

    verb: tuple[str, ...]
    flags: tuple[Flag, ...]
    operands: tuple[str, ...]
    trailing: int = 0
    """Number of operands after `--`."""

    @property
    def path(self) -> str:
        """The verb path, words joined by a blank."""
        return " ".join(self.verb)

    def last(self, name: str) -> Flag | None:
        """Returns the last flag with that name, which counts if the flag takes a single value."""
        return next((flag for flag in reversed(self.flags) if flag.name == name), None)

    def texts(self, name: str) -> Iterator[str]:
        """Yields the texts in each decoded value of a flag: a text, or the elements of a list."""
        for flag in self.flags:
            if flag.name == name and flag.decoded is not None:
                yield from named.texts(flag.decoded)

    def text(self, name: str) -> str | None:
        """Returns the text of the last flag with that name; None if it is not given, or has no value."""
        last = self.last(name)
        return last.text if last else None

    def has(self, *names: str) -> bool:
        """Whether any of the flags is given, and not switched off."""
        return any(not flag.is_off for flag in map(self.last, names) if flag)

    def is_on(self, *names: str) -> bool:
        """Whether any of the flags is known to stand alone, is given, and is not switched off."""
        return any(flag.arity is Arity.ALONE and not flag.is_off for flag in map(self.last, names) if flag)

    def is_off(self, *names: str) -> bool:
        """Whether any of the flags is switched off."""
        return any(flag.is_off for flag in map(self.last, names) if flag)
