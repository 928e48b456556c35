"""Commands at random: over the verbs and flags of the CLIs, with values of the flags' types.

Each has one flag of one verb, taken from a deck without putting back, so that enough commands of a CLI have them all.
Many have no other flag, and operands with which the verb would work.
"""

import itertools
import math
import random
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from shared.command.values.types import Names
from shared.tools import registry, table
from shared.tools.table import FlagSpec, Takes
from tests.support import flag_value_cases, likely_operands

LIKELY_SHARE = 0.6
SWITCHES = ("", "", "=true", "=false")
OMITTED_SHARE = 0.3
MOST_MORE_FLAGS = 2
MOST_OPERANDS = 3
NAME_DIGITS = 8


@dataclass(frozen=True, slots=True)
class GeneratedCommand:
    """`verb` and `flag` are those whose turn it was. `arguments` begin with the verb."""

    tool: str
    verb: str
    flag: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join((self.tool, *self.arguments))


def commands(count: int, source: random.Random) -> Iterator[GeneratedCommand]:
    """Yields that many commands of all CLIs."""
    decks = {tool: _deck(tool, source) for tool in registry.NAMES}
    for tool in itertools.islice(_turns(), count):
        verb, flag = next(decks[tool])
        yield GeneratedCommand(tool, verb, flag, tuple(_arguments(tool, verb, flag, source)))


_table = cache(table.load)


@cache
def flags(tool: str) -> frozenset[tuple[str, str]]:
    """Returns each flag of each verb, as the verb's path and the flag's name; global flags only with the empty path."""
    known = _table(tool)
    own = {(path, name) for path, verb in known.verbs.items() for name in verb.flags}
    return frozenset(own | {("", name) for name in known.global_flags})


def _turns() -> Iterator[str]:
    """Yields the CLIs one after the other: those with many flags more often, but not as often as they have flags."""
    weights = {tool: math.sqrt(len(flags(tool))) for tool in registry.NAMES}
    had = Counter[str]()
    while True:
        tool = min(weights, key=lambda each: (had[each] + 1) / weights[each])
        had[tool] += 1
        yield tool


def _deck(tool: str, source: random.Random) -> Iterator[tuple[str, str]]:
    """Yields each flag once with its verb, a global one with any verb, and then all again; verbs without flags too."""
    known = _table(tool)
    bare = [(path, "") for path, verb in known.verbs.items() if not verb.flags]
    while True:
        cards = [*sorted(flags(tool)), *bare]
        source.shuffle(cards)
        for verb, flag in cards:
            yield verb or source.choice(list(known.verbs)), flag


def _arguments(tool: str, verb: str, flag: str, source: random.Random) -> Iterator[str]:
    likely = likely_operands.behind(tool, verb)
    is_likely = bool(likely) and source.random() < LIKELY_SHARE
    operands = shlex.split(source.choice(likely)) if is_likely else _any_operands(source)
    known = _table(tool)
    specs = [known.long(verb, flag)] if flag else []
    specs += [] if is_likely else _more_flags(tool, verb, source)
    given = [_flag(spec, source, is_likely=is_likely) for spec in specs if spec is not None]
    new_name = f"n{source.randrange(16**NAME_DIGITS):0{NAME_DIGITS}x}"
    # Flags come before the operands, because what follows `--` belongs to another program.
    for word in (*verb.split(" "), *given, *operands):
        yield word.replace(likely_operands.NEW, new_name).replace("\0", "")


def _any_operands(source: random.Random) -> list[str]:
    return source.choices(likely_operands.WORDS, k=source.randint(0, MOST_OPERANDS))


def _more_flags(tool: str, verb: str, source: random.Random) -> list[FlagSpec]:
    names = sorted(_table(tool).verbs[verb].flags)
    chosen = source.choices(names, k=source.randint(0, MOST_MORE_FLAGS)) if names else []
    return [_table(tool).verbs[verb].flags[name] for name in chosen]


def _flag(spec: FlagSpec, source: random.Random, *, is_likely: bool) -> str:
    if spec.takes is Takes.NOTHING:
        return f"--{spec.name}{source.choice(SWITCHES)}"
    if spec.takes is Takes.OPTIONAL and source.random() < OMITTED_SHARE:
        return f"--{spec.name}"
    return f"--{spec.name}={_known_value(spec, source) if is_likely else _any_value(spec, source)}"


def _known_value(spec: FlagSpec, source: random.Random) -> str:
    """Returns one that the CLI would take, as far as that is known."""
    is_file = spec.names in (Names.FILE, Names.FILE_OR_URL, Names.KEYED_FILE)
    for name in (spec.name, "filename" if is_file else spec.type):
        if name in likely_operands.VALUES:
            return source.choice(likely_operands.VALUES[name])
    return flag_value_cases.value(spec.type, source)


def _any_value(spec: FlagSpec, source: random.Random) -> str:
    is_known = source.random() < LIKELY_SHARE
    return _known_value(spec, source) if is_known else flag_value_cases.value(spec.type, source)
