"""Reads `flag_names.toml`, which says what the values of flags name, because CLIs do not say it in a readable form."""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.command.values.types import Names, ValueType
from shared.tools.table import FlagSpec

PATH = Path(__file__).with_suffix(".toml")
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
            raise FlagNamesError(f"{PATH.name}: no flag fits {', '.join(sorted(word for _, word in stale))}")


def _with(spec: FlagSpec, entry: Entry) -> FlagSpec:
    if entry.type is not None and spec.type not in _VERBATIM:
        raise FlagNamesError(f"{PATH.name}: --{spec.name} is said to be {entry.type}, and the CLI reads {spec.type}")
    return dataclasses.replace(spec, names=entry.names, type=entry.type or spec.type)


def load(tool: str) -> list[Entry]:
    """Loads the entries of one CLI."""
    return [_entry(table) for table in tomllib.loads(PATH.read_text(encoding="utf-8")).get(tool, ())]


def _entry(table: Mapping[str, Any]) -> Entry:
    names = table.get("names")
    value_type = table.get("type")
    return Entry(
        flags=frozenset(table["flags"]),
        verbs=frozenset(table.get("verbs", ())),
        names=Names(names) if names else None,
        type=ValueType(value_type) if value_type else None,
    )
