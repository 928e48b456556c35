"""What the values of flags name: files, URLs, objects. No help text says it in a form that can be read.

`make grammar` writes it into the tables, and fails where an entry fits no flag of the CLI, or a type is not what the
CLI reads. It stands in `flag_names.toml` in the tool's folder, a list of entries; the first that is for a flag of a
verb counts:

    flags   their long names, as the tables write them (`-` for `_`)
    verbs   whole verb paths; without it, every verb that has the flag
    names   see `Names` in shared/command/values/types.py; without it, nothing that the CLI looks up
    type    where pflag takes the text as it is: helm's `--set` family, which helm takes apart, and lists without a help
    source  the file, in that CLI's sources or its dependencies', in which the flag is defined and read
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
    """One entry: the flags that it is for, the verb paths (none: every verb that has the flag), and what it says."""

    flags: frozenset[str]
    verbs: frozenset[str]
    names: Names | None
    type: ValueType | None


class FlagNames:
    """The entries of one CLI. The first that is for a flag of a verb counts."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._used: set[tuple[int, str]] = set()

    def named(self, path: str, spec: FlagSpec) -> FlagSpec:
        """The flag with its entry's words. Raises FlagNamesError."""
        for number, entry in enumerate(self._entries):
            if spec.name in entry.flags and (not entry.verbs or path in entry.verbs):
                self._used.update(((number, spec.name), (number, path)))
                return _with(spec, entry)
        return spec

    def check_all_used(self) -> None:
        """Raises FlagNamesError where an entry names a flag or a verb that the CLI does not have any more."""
        wanted = {(number, word) for number, entry in enumerate(self._entries) for word in entry.flags | entry.verbs}
        if stale := wanted - self._used:
            raise FlagNamesError(f"{FILE_NAME}: no flag fits {', '.join(sorted(word for _, word in stale))}")


def _with(spec: FlagSpec, entry: Entry) -> FlagSpec:
    if entry.type is not None and spec.type not in _VERBATIM:
        raise FlagNamesError(f"{FILE_NAME}: --{spec.name} is said to be {entry.type}, and the CLI reads {spec.type}")
    return dataclasses.replace(spec, names=entry.names, type=entry.type or spec.type)


def load(tool: str) -> list[Entry]:
    """The entries of one CLI; none where its folder has no such file."""
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
