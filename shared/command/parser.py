"""Turns the caller's text into an `Invocation`: the one value that is judged, queued and executed.

The text is parsed only here. A command that is refused here never reaches a queue.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shared.command import classes, files, filters, flags, tokens, unknown_words
from shared.command.invocation import Invocation
from shared.command.reading import TERMINATOR, Arity, Flag, Reading
from shared.command.values import scalars
from shared.errors import ErrorCode, RequestError
from shared.models import CommandClass
from shared.tools.table import Takes
from shared.tools.tool import Grammar, Tool


def parse(
    tool: Tool,
    command: str,
    *,
    namespace: str | None = None,
    context: str | None = None,
    default_namespace: str | None = None,
) -> Invocation:
    """Parses a command. `default_namespace` applies if neither the command nor `namespace` names one.

    Raises `RequestError` if the command cannot be read, is refused, or contradicts `namespace` or `context`.
    """
    grammar = tool.grammar
    first, *later = tokens.split(command)
    words = _without_tool_name(tool, first)
    reading = _reading(grammar, words)
    named_context = _agreed(
        reading, grammar.context_flags, asked=context, error=ErrorCode.CONTEXT_CONFLICT, word="context"
    )
    filters.check(later)
    classified = classes.classify(grammar, reading)
    command_class = classified.command_class
    is_endless = _is_endless(grammar, reading)
    waits = is_endless or _waits(grammar, reading)
    chosen_namespace = _namespace(grammar, reading, asked=namespace, default=default_namespace)
    in_front = _namespace_flag(grammar, reading, chosen_namespace)
    return Invocation(
        tool=tool.name,
        arguments=(*(f"--{flag.name}={flag.written}" for flag in in_front), *_without_connection(grammar, words)),
        filters=tuple(tuple(stage) for stage in later),
        verb=reading.verb or classes.HELP,
        command_class=command_class,
        waits=waits,
        context=named_context,
        needs_cluster=_needs_cluster(grammar, reading, command_class),
        own_timeout_s=_own_timeout_s(grammar, reading, waits=waits),
        is_endless=is_endless,
        namespace=chosen_namespace,
        subjects=_subjects(grammar, reading),
        reading=replace(reading, flags=(*in_front, *reading.flags)),
        class_rules=classified.rules,
        unknown=unknown_words.find(grammar, reading),
    )


def _without_connection(grammar: Grammar, words: list[str]) -> Iterator[str]:
    """Yields the words without the flags that say how to connect. No word that begins with `--` is a flag's value."""
    rest = iter(words)
    for word in rest:
        name, has_value, _ = word.removeprefix("--").partition("=")
        if word.startswith("--") and name in grammar.connection_flags:
            spec = grammar.table.spec("", name)
            if spec is not None and spec.takes is Takes.VALUE and not has_value:
                next(rest, None)
            continue
        yield word
        if word == TERMINATOR:
            yield from rest


def _without_tool_name(tool: Tool, words: list[str]) -> list[str]:
    if words[0] == tool.name:
        words = words[1:]
    if not words:
        raise RequestError(
            ErrorCode.COMMAND_EMPTY, f"The command is only {tool.name}: add a verb, for example `{tool.examples[0]}`."
        )
    return words


def _reading(grammar: Grammar, words: Sequence[str]) -> Reading:
    reading = flags.read(grammar, words)
    _refuse_verb(grammar, reading.verb)
    files.check_named(grammar, reading)
    return reading


def _refuse_verb(grammar: Grammar, verb: Sequence[str]) -> None:
    for length in range(1, len(verb) + 1):
        name = " ".join(verb[:length])
        if name in grammar.refused_verbs:
            raise RequestError(ErrorCode.COMMAND_REFUSED, f"`{name}` is refused: {grammar.refused_verbs[name]}.")


def _needs_cluster(grammar: Grammar, reading: Reading, command_class: CommandClass) -> bool:
    """Whether the command needs a cluster. Commands that read credentials always do."""
    is_credential = command_class is CommandClass.CREDENTIAL
    return is_credential or (command_class is not CommandClass.LOCAL and not classes.stays_local(grammar, reading))


def _is_endless(grammar: Grammar, reading: Reading) -> bool:
    return reading.is_on(*grammar.endless.get(reading.path, ()))


def _waits(grammar: Grammar, reading: Reading) -> bool:
    return reading.path in grammar.waiting_verbs or reading.is_on(*grammar.waiting_flags)


def _own_timeout_s(grammar: Grammar, reading: Reading, *, waits: bool) -> float | None:
    """Returns None if the command waits without a limit, as it also does if its limit is zero or negative."""
    given = [flag.decoded for flag in reading.flags if flag.name in grammar.timeout_flags]
    if given:
        return scalars.seconds(given[-1])
    return (grammar.default_wait_s or None) if waits else None


def _namespace(grammar: Grammar, reading: Reading, *, asked: str | None, default: str | None) -> str | None:
    """Returns the namespace that the command or its request names, if the tool has a namespace flag."""
    if not grammar.namespace_flags:
        return None
    named = _agreed(reading, grammar.namespace_flags, asked=asked, error=ErrorCode.NAMESPACE_CONFLICT, word="namespace")
    is_in_command = bool(list(_values(reading.flags, grammar.namespace_flags)))
    # An empty flag in the command overrides a flag in front of it: the CLI then uses the kubeconfig's namespace.
    return named if is_in_command else named or default


def _namespace_flag(grammar: Grammar, reading: Reading, chosen: str | None) -> tuple[Flag, ...]:
    """Returns the flag to put in front of the command, if the command names no namespace."""
    is_in_command = any(_values(reading.flags, grammar.namespace_flags))
    return (Flag("namespace", chosen, Arity.VALUE, chosen),) if chosen and not is_in_command else ()


def _subjects(grammar: Grammar, reading: Reading) -> tuple[str, ...]:
    if reading.path not in grammar.exclusive_verbs or reading.has(*grammar.inclusive_flags):
        return ()
    return tuple(sorted(set(reading.operands[: grammar.exclusive_verbs[reading.path]])))


def _agreed(reading: Reading, names: frozenset[str], *, asked: str | None, error: ErrorCode, word: str) -> str | None:
    """Returns the one value that the command's flags and the request's field name. None if they name none."""
    named = {*_values(reading.flags, names), *([asked] if asked else [])}
    if len(named) > 1:
        raise RequestError(
            error, f"The request names more than one {word}: name it once, in the command or in the field `{word}`."
        )
    return next(iter(named), None) or None


def _values(given: Sequence[Flag], names: frozenset[str]) -> Iterator[str]:
    return (flag.text or "" for flag in given if flag.name in names and flag.arity is Arity.VALUE)
