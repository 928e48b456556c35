"""Reads a command's words as pflag and cobra do: verb path, flags, operands.

A word that they could read in two ways is refused, and the message shows a clear spelling. So the CLI reads a command
in the same way as this module, and a refused flag cannot hide as the value of another. Spellings:
https://pkg.go.dev/github.com/spf13/pflag; how cobra finds the verb: `Command.Find` and `stripFlags`.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from shared.command import files
from shared.command.reading import MAX_CLUSTER, TERMINATOR, Arity, Flag, Reading
from shared.command.values import decoding
from shared.command.values.decoding import Value
from shared.command.values.types import DecodeError
from shared.errors import ErrorCode, RequestError, shown
from shared.tools.table import FlagSpec, Takes
from shared.tools.tool import Grammar


def read(grammar: Grammar, words: Iterable[str]) -> Reading:
    """Returns a command's parts. Raises `RequestError` for a refused flag or path, and for an ambiguous word."""
    return _Reader(grammar, words).read()


@dataclass(frozen=True, slots=True)
class _Given:
    """A flag as it was written."""

    spelled: str
    value: str | None


class _Reader:
    def __init__(self, grammar: Grammar, words: Iterable[str]) -> None:
        self._grammar = grammar
        self._rest = deque(words)
        self._verb = _VerbPath(grammar)
        self._given: list[_Given] = []

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
                files.check_word(word)
                self._verb.take(word)
        flags = tuple(self._flag(given) for given in self._given)
        return Reading(self._verb.path, flags, (*self._verb.operands, *self._rest), len(self._rest))

    def _check_operands(self) -> None:
        """Checks the words after `--`, unless they are a command for a container."""
        if self._verb.name not in self._grammar.container_verbs:
            for word in self._rest:
                files.check_word(word)

    def _long(self, word: str) -> None:
        spelled, has_value, value = word[2:].partition("=")
        # kubectl reads `_` as `-`. The other CLIs have no two flags that differ only in this character.
        name = spelled.replace("_", "-")
        self._refuse_if_listed(name, f"--{name}")
        if has_value:
            self._add(name, value)
        else:
            self._without_value(name, word)

    def _short(self, word: str) -> None:
        """Reads `-n`, `-nx`, or a cluster such as `-Aw`. Each letter decides how the rest of the word is read."""
        for following, letter in enumerate(word[1 : MAX_CLUSTER + 1], 2):
            self._refuse_if_listed(letter, f"-{letter}")
            if following == len(word):
                return self._without_value(letter, f"-{letter}")
            if word[following] == "=" and following + 1 < len(word):
                return self._add(letter, word[following + 1 :])
            if self._takes_rest(letter, word, following):
                return self._add(letter, word[following:])
            self._given.append(_Given(letter, None))
        raise too_many_in_a_word(word)

    def _takes_rest(self, letter: str, word: str, following: int) -> bool:
        """Whether the rest of the word is the letter's value. If not, the next letter is also a flag."""
        self._settle_verb(letter, word)
        spec = self._spec(letter)
        if spec is not None and (self._grammar.takes_glued_values or self._is_global(letter)):
            if spec.takes is Takes.VALUE:
                return True
            if word[following].isalpha():
                return False
        for other in word[following:]:
            self._refuse_if_listed(other, f"-{other}")
        raise RequestError(
            ErrorCode.FLAG_AMBIGUOUS,
            f"`-{letter}{word[following]}…` can be read as several flags: write each flag as a word of its own, and a "
            f"value as `-{letter}=value`.",
        )

    def _without_value(self, name: str, word: str) -> None:
        """Reads a flag that is written without a value. The flag decides whether the next word is its value."""
        if self._rest:
            self._settle_verb(name, word)
        spec = self._spec(name)
        if spec is None or spec.takes is Takes.VALUE:
            self._refuse_flag_as_value(word)
        if spec and spec.takes is Takes.VALUE and self._rest:
            self._add(name, self._rest.popleft())
        else:
            self._given.append(_Given(name, None))

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
            f"`{_shown(word)}` may take the next word, which begins with a dash, as its value: write "
            f"`{_shown(word)}=value`, or `{_shown(word)}=true` for a flag without a value.",
        )

    def _settle_verb(self, name: str, word: str) -> None:
        """Ends the verb path, unless the flag is global: cobra knows only global flags while it looks for the verb."""
        if not self._is_global(name):
            self._verb.end(word)

    def _is_global(self, name: str) -> bool:
        spec = self._grammar.table.spec("", name)
        return spec is not None and spec.name in self._grammar.table.global_flags

    def _spec(self, name: str) -> FlagSpec | None:
        return self._grammar.table.spec(self._verb.name, name)

    def _flag(self, given: _Given) -> Flag:
        spec = self._spec(given.spelled)
        if spec is None:
            return Flag(given.spelled, given.value, Arity.UNKNOWN)
        arity = Arity.VALUE if spec.takes is Takes.VALUE else Arity.ALONE
        return Flag(spec.name, given.value, arity, _decoded(spec, given.value), spec.names)

    def _add(self, name: str, value: str) -> None:
        self._given.append(_Given(name, value))

    def _refuse_if_listed(self, name: str, shown: str) -> None:
        why = self._grammar.refused_flags.get(name)
        redefined = self._verb.name in self._grammar.redefined_under.get(name, ())
        if why is not None and not redefined:
            raise RequestError(ErrorCode.FLAG_REFUSED, f"`{shown}` is refused: {why}.")


class _VerbPath:
    """The verb path that the words read so far name."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self.path: tuple[str, ...] = ()
        self.name = ""
        """Words of the path joined by a blank; empty if the CLI does not have the verb."""
        self.operands: list[str] = []
        self._is_complete = False
        self._ended_by: str | None = None
        """The flag that ended the path, where another verb may follow."""

    def take(self, word: str) -> None:
        """Adds a word to the path, or to the operands if it is not a verb.

        While cobra looks for the verb, it skips empty words and `-`, and reads `-1` as a flag.
        """
        if not word or word.startswith("-"):
            if word:
                self.end(word)
            self.operands.append(word)
            return
        if self.path and not self._is_group():
            self.operands.append(word)
            return
        longer = self._resolved((*self.path, word))
        name = " ".join(longer)
        is_known = name in self._grammar.table.verbs
        is_verb = is_known or not self.path
        if self._ended_by is not None and is_verb:
            raise _verb_first(self._ended_by)
        if self._is_complete or not is_verb:
            self._is_complete = True
            self.operands.append(word)
            return
        self.path, self.name = longer, name if is_known else ""

    def end(self, word: str) -> None:
        """Ends the path at a flag that may take the next word as its value."""
        self.require(word)
        if not self._is_complete:
            self._is_complete = True
            self._ended_by = word

    def require(self, word: str) -> None:
        if not self.path:
            raise _verb_first(word)

    def _resolved(self, path: tuple[str, ...]) -> tuple[str, ...]:
        alias = self._grammar.table.aliases.get(" ".join(path))
        return path if alias is None else tuple(alias.split())

    def _is_group(self) -> bool:
        verb = self._grammar.table.verbs.get(self.name)
        return verb is not None and verb.is_group


def _looks_like_flag(word: str) -> bool:
    """Whether a letter or a dash follows a dash. No CLI has other flags: `-` and `-1` are operands or values."""
    return word.startswith("-") and (word[1:2].isalpha() or word[1:2] == "-")


def _decoded(spec: FlagSpec, value: str | None) -> Value | None:
    if value is None:
        return None
    try:
        return decoding.decode(spec.type, value)
    except DecodeError as error:
        raise RequestError(ErrorCode.FLAG_REFUSED, f"`--{spec.name}` does not take this value: {error}.") from error


def _shown(word: str) -> str:
    return shown(word.partition("=")[0])


def too_many_in_a_word(word: str) -> RequestError:
    """Returns the error for a word with more than `MAX_CLUSTER` flags."""
    return RequestError(
        ErrorCode.FLAG_AMBIGUOUS,
        f"`{word[:8]}…` has more than {MAX_CLUSTER} flags in one word: write each flag once, as a word of its own, and "
        "a value as `-x=value`.",
    )


def _verb_first(word: str) -> RequestError:
    return RequestError(
        ErrorCode.FLAG_AMBIGUOUS,
        f"`{_shown(word)}` stands before or inside the verb, where the next word may be read as its value: put "
        "the whole verb first (`rollout status`, then its flags), or write the flag with `=`.",
    )
