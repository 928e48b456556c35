"""Reads a command's words as pflag and cobra would: verb path, flags, operands.

A word that they could read in two ways is refused, with the spelling that leaves no doubt. So what is judged here is
what the CLI sees, and a refused flag cannot hide as the value of another. Spellings:
https://pkg.go.dev/github.com/spf13/pflag; where cobra finds the verb: `Command.Find` and `stripFlags`.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from shared import paths
from shared.errors import ErrorCode, RequestError
from shared.tools.tool import Grammar

TERMINATOR = "--"
FALSE_VALUES = frozenset({"0", "f", "F", "FALSE", "false", "False"})
"""What Go's strconv.ParseBool takes for false."""


class Arity(Enum):
    VALUE = "takes a value"
    ALONE = "stands alone"
    UNKNOWN = "may do either"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a command. `name` is without dashes; `value` is None where none was given."""

    name: str
    value: str | None
    arity: Arity

    @property
    def is_on(self) -> bool:
        """True for a flag that stands alone and is not switched off with `=false`."""
        return self.arity is Arity.ALONE and self.value not in FALSE_VALUES


@dataclass(frozen=True, slots=True)
class Reading:
    """A command's parts. `verb` is canonical: aliases are replaced. Operands are what is neither verb nor flag."""

    verb: tuple[str, ...]
    flags: tuple[Flag, ...]
    operands: tuple[str, ...]


def read(grammar: Grammar, words: Iterable[str]) -> Reading:
    """A command's parts. `RequestError` for a refused flag or path, and for what can be read in two ways."""
    return _Reader(grammar, words).read()


class _Reader:
    def __init__(self, grammar: Grammar, words: Iterable[str]) -> None:
        self._grammar = grammar
        self._rest = deque(words)
        self._verb = _VerbPath(grammar)
        self._given: list[tuple[str, str | None]] = []

    def read(self) -> Reading:
        while self._rest:
            word = self._rest.popleft()
            if word == TERMINATOR:
                self._verb.require(word)
                self._check_operands()
                break
            if word.startswith("--"):
                self._long(word)
            elif _looks_like_flag(word):
                self._short(word)
            else:
                paths.check(word)
                self._verb.take(word)
        flags = tuple(Flag(name, value, self._arity(name)) for name, value in self._given)
        return Reading(self._verb.path, flags, (*self._verb.operands, *self._rest))

    def _check_operands(self) -> None:
        """What stands behind `--`, unless it is a command for a container."""
        if " ".join(self._verb.path) not in self._grammar.container_verbs:
            for word in self._rest:
                paths.check(word)

    def _long(self, word: str) -> None:
        spelled, has_value, value = word[2:].partition("=")
        # kubectl takes `_` and `-` for the same letter; the other CLIs have no two flags that differ in it alone.
        name = spelled.replace("_", "-")
        self._refuse_if_listed(name, f"--{name}")
        if has_value:
            self._add(name, value)
        else:
            self._without_value(name, word)

    def _short(self, word: str) -> None:
        name, glued = word[1], word[2:]
        self._refuse_if_listed(name, f"-{name}")
        if not glued:
            self._without_value(name, word)
        elif glued[0] == "=" and len(glued) > 1:
            self._add(name, glued[1:])
        else:
            self._glued(name, glued, word)

    def _glued(self, name: str, glued: str, word: str) -> None:
        """`-nx`, or a cluster such as `-it`, which the first letter decides."""
        self._settle_verb(name, word)
        grammar = self._grammar
        takes_value = self._arity(name) is Arity.VALUE
        if takes_value and (grammar.takes_glued_values or name in grammar.global_flags):
            self._add(name, glued)
            return
        for letter in glued:
            self._refuse_if_listed(letter, f"-{letter}")
        raise RequestError(
            ErrorCode.FLAG_AMBIGUOUS,
            f"`-{name}{glued[0]}…` can be read as several flags: write each flag as a word of its own, and a value as "
            f"`-{name}=value`.",
        )

    def _without_value(self, name: str, word: str) -> None:
        """A flag with no value of its own: whether the next word is its value depends on the flag."""
        if self._rest:
            self._settle_verb(name, word)
        arity = self._arity(name)
        if arity is not Arity.ALONE:
            self._refuse_flag_as_value(word)
        if arity is Arity.VALUE and self._rest:
            self._add(name, self._rest.popleft())
        else:
            self._given.append((name, None))

    def _refuse_flag_as_value(self, word: str) -> None:
        following = self._rest[0] if self._rest else ""
        if not _looks_like_flag(following):
            return
        if following.startswith("--"):
            name = following[2:].partition("=")[0].replace("_", "-")
            self._refuse_if_listed(name, f"--{name}")
        else:
            self._refuse_if_listed(following[1], f"-{following[1]}")
        raise RequestError(
            ErrorCode.FLAG_AMBIGUOUS,
            f"`{_shown(word)}` may take the next word, which begins with a dash, for its value: write "
            f"`{_shown(word)}=value`, or `{_shown(word)}=true` for a flag that takes none.",
        )

    def _settle_verb(self, name: str, word: str) -> None:
        """Only global flags may stand inside the verb path: cobra looks for the verb with the flags it knows there."""
        if name not in self._grammar.global_flags:
            self._verb.end(word)

    def _arity(self, name: str) -> Arity:
        grammar = self._grammar
        if name not in grammar.global_flags and not self._verb.is_known:
            return Arity.UNKNOWN
        if " ".join(self._verb.path) in grammar.standalone_under.get(name, ()):
            return Arity.ALONE
        if name in grammar.value_flags:
            return Arity.VALUE
        return Arity.ALONE if name in grammar.boolean_flags else Arity.UNKNOWN

    def _add(self, name: str, value: str) -> None:
        paths.check_value(name, value)
        self._given.append((name, value))

    def _refuse_if_listed(self, name: str, shown: str) -> None:
        why = self._grammar.refused_flags.get(name)
        redefined = " ".join(self._verb.path) in self._grammar.redefined_under.get(name, ())
        if why is not None and not redefined:
            raise RequestError(ErrorCode.FLAG_REFUSED, f"`{shown}` is refused: {why}.")


class _VerbPath:
    """The verb and the verbs below it, as far as the words so far go."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self.path: tuple[str, ...] = ()
        self.operands: list[str] = []
        self._is_complete = False
        self._ended_by: str | None = None
        """The flag that stood where a further verb may have come."""

    @property
    def is_known(self) -> bool:
        return self._is_in_tables(self.path)

    def take(self, word: str) -> None:
        """An operand: the next verb of the path, unless the path is complete.

        Where cobra looks for the verb it passes over empty words and `-`, and takes `-1` for a flag.
        """
        if not word or word.startswith("-"):
            if word:
                self.end(word)
            self.operands.append(word)
            return
        longer = self._resolved((*self.path, word))
        is_verb = not self.path or self._is_in_tables(longer)
        if self._ended_by is not None and is_verb and self._is_group():
            raise _verb_first(self._ended_by)
        if self._is_complete or not is_verb:
            self._is_complete = True
            self.operands.append(word)
            return
        self.path = longer
        self._is_complete = not self._is_group()

    def end(self, word: str) -> None:
        """A flag that may take the next word as its value."""
        self.require(word)
        if not self._is_complete:
            self._is_complete = True
            self._ended_by = word

    def require(self, word: str) -> None:
        if not self.path:
            raise _verb_first(word)

    def _resolved(self, path: tuple[str, ...]) -> tuple[str, ...]:
        alias = self._grammar.aliases.get(" ".join(path))
        return path if alias is None else tuple(alias.split())

    def _is_group(self) -> bool:
        return " ".join(self.path) in self._grammar.verb_groups

    def _is_in_tables(self, path: tuple[str, ...]) -> bool:
        grammar = self._grammar
        return any(" ".join(path) in table for table in (grammar.classes, grammar.refused_verbs, grammar.verb_groups))


def _looks_like_flag(word: str) -> bool:
    """A dash before a letter or a dash: no CLI has other flags, so `-` and `-1` are operands or values."""
    return word.startswith("-") and (word[1:2].isalpha() or word[1:2] == "-")


def _shown(word: str) -> str:
    return word.partition("=")[0]


def _verb_first(word: str) -> RequestError:
    return RequestError(
        ErrorCode.FLAG_AMBIGUOUS,
        f"`{_shown(word)}` stands before the verb or inside it, where the next word may be taken for its value: put "
        "the whole verb first (`rollout status`, then its flags), or write the flag with `=`.",
    )
