"""The generated tables of the verbs of each CLI, and of the flags that each verb takes.

`make grammar` writes the `table.json` of each tool from the CLI's own help; nobody edits them. A flag is written as
`name/short=type(names)`: `=` takes a value, `[=]` takes one only after `=`, and a flag with neither is a switch. The
type says how a value is read. The word in parentheses, if there is one, says what the value names.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from shared.command.values.types import Names, ValueType

FOLDER = Path(__file__).parent
_FLAG = re.compile(
    r"(?P<name>[^/=\[(]+)(?:/(?P<short>\w))?(?:(?P<takes>=|\[=\])(?P<type>[a-z-]+)(?:\((?P<names>[a-z-]+)\))?)?"
)


HELP_FLAG = "help"


class Takes(StrEnum):
    """Whether a flag takes a value. Each member's text is its mark in the tables."""

    NOTHING = ""
    VALUE = "="
    OPTIONAL = "[=]"
    """The value is optional (pflag's NoOptDefVal): `--dry-run`, `--dry-run=client`."""


@dataclass(frozen=True, slots=True)
class FlagSpec:
    """A flag that a verb has. `name` is without dashes and with `-` for `_`; `short` is a letter, or empty.

    `names` is None if the flag's value names nothing that the CLI looks up.
    """

    name: str
    short: str
    takes: Takes
    type: ValueType
    names: Names | None = None

    def __str__(self) -> str:
        letter = f"/{self.short}" if self.short else ""
        names = f"({self.names})" if self.names else ""
        return f"{self.name}{letter}" + (f"{self.takes}{self.type}{names}" if self.takes else "")

    @classmethod
    def parse(cls, text: str) -> "FlagSpec":
        """Raises ValueError if the text is not a flag."""
        match = _FLAG.fullmatch(text)
        if match is None:
            raise ValueError(f"not a flag: {text}")
        names = Names(match["names"]) if match["names"] else None
        value_type = ValueType(match["type"] or ValueType.BOOL)
        return cls(match["name"], match["short"] or "", Takes(match["takes"] or ""), value_type, names)


_EVERYWHERE = {HELP_FLAG: FlagSpec(HELP_FLAG, "h", Takes.NOTHING, ValueType.BOOL)}
"""Flags that cobra adds to each verb that does not define them."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb's own flags by name, its aliases, and whether other verbs are below it."""

    flags: Mapping[str, FlagSpec]
    aliases: tuple[str, ...] = ()
    is_group: bool = False


@dataclass(frozen=True)
class Table:
    """The table of one CLI. Verb paths are words joined by a blank."""

    version: str
    global_flags: Mapping[str, FlagSpec] = field(default_factory=dict)
    verbs: Mapping[str, Verb] = field(default_factory=dict)

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """Verb path with an alias as its last word → the verb's own path."""
        return {
            f"{path.rpartition(' ')[0]} {alias}".strip(): path
            for path, verb in self.verbs.items()
            for alias in verb.aliases
        }

    @cached_property
    def _by_letter(self) -> Mapping[str, Mapping[str, FlagSpec]]:
        """Verb path → letter → flag. A verb's own flags win over global ones; the empty path has only global ones."""
        return {
            path: {spec.short: spec for spec in reversed(self.specs(path)) if spec.short} for path in ("", *self.verbs)
        }

    def long(self, path: str, name: str) -> FlagSpec | None:
        """Returns the flag `--name` of a verb path. For the empty path, only global flags are found."""
        return next((flags[name] for flags in self._scopes(path) if name in flags), None)

    def short(self, path: str, letter: str) -> FlagSpec | None:
        """Returns the flag `-letter` of a verb path."""
        return self._by_letter.get(path, self._by_letter[""]).get(letter)

    def spec(self, path: str, name: str) -> FlagSpec | None:
        """Returns the flag with a name without dashes. A name of one letter is a short flag."""
        return self.short(path, name) if len(name) == 1 else self.long(path, name)

    def specs(self, path: str) -> list[FlagSpec]:
        """Returns all flags of a verb, its own first."""
        return [spec for flags in self._scopes(path) for spec in flags.values()]

    def _scopes(self, path: str) -> tuple[Mapping[str, FlagSpec], ...]:
        verb = self.verbs.get(path)
        return ((verb.flags,) if verb else ()) + (self.global_flags, _EVERYWHERE)


def path(tool: str) -> Path:
    """Returns the file of a CLI's table."""
    return FOLDER / tool / "table.json"


def load(tool: str) -> Table:
    """Loads the committed table."""
    data = json.loads(path(tool).read_text(encoding="utf-8"))
    return Table(data["version"], _flags(data["global"]), {name: _verb(verb) for name, verb in data["verbs"].items()})


def dump(table: Table) -> str:
    """Returns the table as JSON with one line for each verb, in order, so that diffs between versions are readable."""
    verbs = ",\n".join(f"    {json.dumps(name)}: {json.dumps(_plain(verb))}" for name, verb in table.verbs.items())
    flags = json.dumps([str(flag) for flag in table.global_flags.values()])
    return f'{{\n  "version": {json.dumps(table.version)},\n  "global": {flags},\n  "verbs": {{\n{verbs}\n  }}\n}}\n'


def _flags(texts: list[str]) -> dict[str, FlagSpec]:
    return {spec.name: spec for spec in map(FlagSpec.parse, texts)}


def _verb(data: Mapping[str, list[str]]) -> Verb:
    return Verb(_flags(data["flags"]), tuple(data.get("aliases", ())), is_group="group" in data)


def _plain(verb: Verb) -> dict[str, object]:
    aliases: dict[str, object] = {"aliases": list(verb.aliases)} if verb.aliases else {}
    group: dict[str, object] = {"group": True} if verb.is_group else {}
    return {**aliases, **group, "flags": [str(flag) for _, flag in sorted(verb.flags.items())]}
