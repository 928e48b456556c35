"""Verbs and flags that a CLI does not have, as far as the tables know, and what was perhaps meant."""

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
"""How alike two words must be (difflib's ratio): flags all begin alike, verbs are short."""


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """`shown` is how to write it, and `nearest` what is spelled most alike, if anything is."""

    kind: WordKind
    shown: str
    nearest: str | None


def find(grammar: Grammar, reading: Reading) -> UnknownWord | None:
    """The first in the order verb, flags: of one more nobody is told, and each takes a while to compare."""
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
    """The verb paths one word longer than the group's, and their other names."""
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
