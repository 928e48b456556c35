"""Reads `flag_names.toml`, which says what the values of flags name, because CLIs do not say it in a readable form.

`make grammar` writes the names into the tables. It fails if an entry fits no flag of the CLI, or if a type is not what
the CLI reads. The file stands in the tool's folder and is a list of entries. The first entry for a flag of a verb
counts:

    flags   long names, as the tables write them (`-` for `_`)
    verbs   full verb paths; without it, every verb that has the flag
    names   see `Names` in shared/command/values/types.py; without it, nothing that the CLI looks up
    type    if pflag takes the text as it is: helm's `--set` family, which helm parses, and lists without help
    source  the file in the sources of the CLI or of its dependencies that defines and reads the flag
"""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.command.values.types import Names, ValueType
from shared.tools import table
from shared.tools.table import FlagSpec

FILE_NAME = "flag_names.toml"
_VERBATIM = (ValueType.STRING, ValueType.ARRAY)


class FlagNamesError(Exception):
    """The file disagrees with the CLI."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry for some flags. Without `verbs` it is for every verb that has the flag."""

    flags: frozenset[str]
    verbs: frozenset[str]
    names: Names | None
    type: ValueType | None


class FlagNames:
    """The entries of one CLI. For a flag of a verb, the first matching entry counts."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._used: set[tuple[int, str]] = set()

    def named(self, path: str, spec: FlagSpec) -> FlagSpec:
        """Returns the flag with the data of its entry. Raises FlagNamesError."""
        for number, entry in enumerate(self._entries):
            if spec.name in entry.flags and (not entry.verbs or path in entry.verbs):
                self._used.update(((number, spec.name), (number, path)))
                return _with(spec, entry)
        return spec

    def check_all_used(self) -> None:
        """Raises FlagNamesError if an entry names a flag or a verb that the CLI no longer has."""
        wanted = {(number, word) for number, entry in enumerate(self._entries) for word in entry.flags | entry.verbs}
        if stale := wanted - self._used:
            raise FlagNamesError(f"{FILE_NAME}: no flag fits {', '.join(sorted(word for _, word in stale))}")


def _with(spec: FlagSpec, entry: Entry) -> FlagSpec:
    if entry.type is not None and spec.type not in _VERBATIM:
        raise FlagNamesError(f"{FILE_NAME}: --{spec.name} is said to be {entry.type}, and the CLI reads {spec.type}")
    return dataclasses.replace(spec, names=entry.names, type=entry.type or spec.type)


def load(tool: str) -> list[Entry]:
    """Loads the entries of one CLI; none if its folder has no such file."""
    path = table.path(tool).with_name(FILE_NAME)
    return (
        [_entry(entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["entries"]] if path.exists() else []
    )


def _entry(said: Mapping[str, Any]) -> Entry:
    names = said.get("names")
    value_type = said.get("type")
    return Entry(
        flags=frozenset(said["flags"]),
        verbs=frozenset(said.get("verbs", ())),
        names=Names(names) if names else None,
        type=ValueType(value_type) if value_type else None,
    )
