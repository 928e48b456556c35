"""Finds verbs and flags that are not in a CLI's table, and the known words that are most similar."""

import difflib
from dataclasses import dataclass
from enum import StrEnum

from shared.command.reading import Arity, Reading
from shared.errors import SHOWN_CHARACTERS, shown
from shared.tools.tool import Grammar


class WordKind(StrEnum):
    VERB = "verb"
    FLAG = "flag"


ALIKE = {WordKind.VERB: 0.6, WordKind.FLAG: 0.75}
"""Least similarity of a suggestion (difflib's ratio): high for flags, which all begin alike; low for short verbs."""


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word that is not in the table. `nearest` is the known word that is most similar, if any is similar enough."""

    kind: WordKind
    shown: str
    nearest: str | None


def find(grammar: Grammar, reading: Reading) -> UnknownWord | None:
    """Returns the unknown verb, or the first unknown flag. Only one is shown, because each comparison takes a while."""
    return _verb(grammar, reading) or _flag(grammar, reading)


def _verb(grammar: Grammar, reading: Reading) -> UnknownWord | None:
    verb = grammar.table.verbs.get(reading.path)
    if reading.path and verb is None:
        return _word(WordKind.VERB, reading.path, _below(grammar, ""))
    if verb and verb.is_group and len(reading.operands) > reading.trailing:
        written = f"{reading.path} {next(filter(None, reading.operands), '')}"
        return _word(WordKind.VERB, written.strip(), _below(grammar, reading.path))
    return None


def _below(grammar: Grammar, group: str) -> list[str]:
    """Returns the verb paths that are one word longer than the group's, and their aliases."""
    paths = (*grammar.table.verbs, *grammar.table.aliases)
    return [path for path in paths if path.rpartition(" ")[0] == group]


def _flag(grammar: Grammar, reading: Reading) -> UnknownWord | None:
    flag = next((flag for flag in reading.flags if flag.arity is Arity.UNKNOWN), None)
    if flag is None:
        return None
    known = [f"--{spec.name}" for spec in grammar.table.specs(reading.path)]
    return _word(WordKind.FLAG, f"-{flag.name}" if len(flag.name) == 1 else f"--{flag.name}", known)


def _word(kind: WordKind, written: str, known: list[str]) -> UnknownWord:
    nearest = difflib.get_close_matches(written[:SHOWN_CHARACTERS], known, n=1, cutoff=ALIKE[kind])
    return UnknownWord(kind, shown(written), nearest[0] if nearest else None)
