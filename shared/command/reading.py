"""A command's parts, as its CLI reads them: the one value that classes, policy and execution look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from shared.command.values import named
from shared.command.values.decoding import Value
from shared.command.values.scalars import BOOLEANS
from shared.command.values.types import Names

UNSEEN = "?"
"""Stands for kinds that a command does not name and may act on."""
SEVERAL = "…"
"""The same where a name that is not known here may stand for several kinds."""
TERMINATOR = "--"
"""Behind it nothing is a flag."""
MAX_CLUSTER = 32
"""Flags of one letter that may share a word: no CLI and no filter has as many that stand alone."""


class Arity(Enum):
    VALUE = "takes a value"
    ALONE = "stands alone"
    UNKNOWN = "may do either"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a command. `name` is the long one, without dashes.

    A flag that the tables do not have keeps the name that it was written with, and its value is not decoded.
    """

    name: str
    written: str | None
    """The value as text, to write the flag again; None where none was given. What it means is in `decoded`."""
    arity: Arity
    decoded: Value | None = None
    """What the CLI takes the value for."""
    names: Names | None = None
    """What the texts in the decoded value name."""

    @property
    def is_off(self) -> bool:
        """True for a flag that may stand alone and is switched off: `--wait=false`, `--dry-run=none`."""
        word = self.decoded if isinstance(self.decoded, str) else ""
        is_false = self.decoded is False or word == "none" or not BOOLEANS.get(word, True)
        return self.arity is Arity.ALONE and is_false

    @property
    def text(self) -> str | None:
        """The decoded value, where it is text; the last one of several."""
        texts = () if self.decoded is None else tuple(named.texts(self.decoded))
        return texts[-1] if texts else None


@dataclass(frozen=True, slots=True)
class ManifestObject:
    """An object in the manifests that a command names: its kind in the plural, and `UNSEEN` for what nobody saw."""

    kind: str
    group: str = ""
    namespaces: tuple[str, ...] = ("",)
    """Those that it may lie in; an empty one is that of the command."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`verb` is canonical: aliases are replaced. Operands are what is neither verb nor flag."""

    verb: tuple[str, ...]
    flags: tuple[Flag, ...]
    operands: tuple[str, ...]
    trailing: int = 0
    """How many of the operands stand behind `--`."""
    objects: tuple[ManifestObject, ...] = ()
    """What the manifests hold that it names."""

    @property
    def path(self) -> str:
        """The verb path, words joined by a blank."""
        return " ".join(self.verb)

    @property
    def object_kinds(self) -> tuple[str, ...]:
        """The kinds of those objects, each once."""
        return tuple(dict.fromkeys(each.kind for each in self.objects))

    def last(self, name: str) -> Flag | None:
        """The one of repeated flags that counts, where the flag holds a single value."""
        return next((flag for flag in reversed(self.flags) if flag.name == name), None)

    def texts(self, name: str) -> Iterator[str]:
        """The texts in each decoded value of a flag: of a list its elements."""
        for flag in self.flags:
            if flag.name == name and flag.decoded is not None:
                yield from named.texts(flag.decoded)

    def text(self, name: str) -> str | None:
        """The text that counts; None where the flag is not given, or given alone."""
        last = self.last(name)
        return last.text if last else None

    def has(self, *names: str) -> bool:
        """Whether any of the flags is given, and not switched off."""
        return any(not flag.is_off for flag in map(self.last, names) if flag)

    def is_on(self, *names: str) -> bool:
        """The same, of flags that are known to stand alone."""
        return any(flag.arity is Arity.ALONE and not flag.is_off for flag in map(self.last, names) if flag)

    def is_off(self, *names: str) -> bool:
        """Whether any of the flags is switched off."""
        return any(flag.is_off for flag in map(self.last, names) if flag)
