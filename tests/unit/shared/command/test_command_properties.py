"""What holds for every command, however it is spelled."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.command import classes, flags, parser
from shared.command.invocation import Invocation
from shared.command.reading import Arity, Flag, Reading
from shared.command.values import decoding
from shared.command.values.types import ValueType
from shared.errors import ErrorCode, RequestError
from shared.tools import registry
from shared.tools.table import FlagSpec, Takes
from shared.tools.tool import Tool


def parse(text: str, **fields: Any) -> Invocation:
    """Reads a command that names its tool."""
    return parser.parse(registry.find(text.split(maxsplit=1)[0]), text, **fields)


def refuse(text: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse(text)
    return caught.value


SPELLINGS = st.sampled_from(["-n x", "-nx", "-n=x", "--namespace x", "--namespace=x"])
VERBS = st.sampled_from(["get", "delete", "apply", "rollout status", "auth can-i", "create token", "drain"])
FLAGS = st.lists(
    st.sampled_from(["--warnings-as-errors", "--v=5", "-v 5", "--request-timeout 5s", "--context=c"]), unique=True
)


@given(VERBS, SPELLINGS, FLAGS, st.randoms())
def test_spelling_and_order_of_flags_change_neither_verb_nor_class(
    verb: str, namespace: str, flags: list[str], random: Any
) -> None:
    parts = [namespace, *flags]
    random.shuffle(parts)
    cut = random.randint(0, len(parts))
    plain = parse(f"kubectl {verb} thing")
    text = f"{' '.join(parts[:cut])} {verb} thing {' '.join(parts[cut:])}"
    mixed = parse(f"kubectl {text}", namespace="x")
    assert (mixed.verb, mixed.command_class) == (plain.verb, plain.command_class)
    assert mixed.arguments == tuple(text.split())


NAMES = {tool.name: sorted(tool.grammar.refused_flags) for tool in registry.tools()}
NEIGHBOURS = st.lists(
    st.sampled_from(
        ["get", "pods", "-l", "-A", "-f", "-w", "-o", "json", "--what", "-n", "x", "-", "--tail", "-1", "''"]
    )
)


def spellings(name: str) -> list[str]:
    if len(name) == 1:
        return [f"-{name}", f"-{name}=v", f"-{name}v"]
    return [f"--{name}", f"--{name}=v", f"--{name.replace('-', '_')}=v"]


@given(st.sampled_from(sorted(NAMES)), NEIGHBOURS, NEIGHBOURS, st.data())
def test_no_refused_flag_gets_through_wherever_it_stands(
    tool: str, before: list[str], after: list[str], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(NAMES[tool]))
    flag = data.draw(st.sampled_from(spellings(name)))
    error = refuse(" ".join([tool, *before, flag, *after]))
    assert error.code in (ErrorCode.FLAG_REFUSED, ErrorCode.FLAG_AMBIGUOUS)


@pytest.mark.parametrize(
    ("tool", "name"), [(tool, name) for tool, names in NAMES.items() for name in names], ids="-".join
)
def test_each_refused_flag_is_refused_in_each_spelling(tool: str, name: str) -> None:
    for flag in spellings(name):
        assert refuse(f"{tool} get x {flag}").code is ErrorCode.FLAG_REFUSED


@given(st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs", "P", "S")) | st.sampled_from("-=/_"))))
def test_no_words_bring_the_parser_down(words: list[str]) -> None:
    for tool in registry.tools():
        with contextlib.suppress(RequestError):
            assert parser.parse(tool, " ".join(words)).verb


VALUES = st.text("abcxyz019=,./ ", min_size=1).filter(lambda value: value[0] not in "=/.~ " and ".." not in value)
WORDS = st.text("abcxyz019", min_size=1).map(lambda word: f"x{word}")
Draw = Callable[..., Any]
EITHER_WAY = ("true", "1", "false", "F")
ASSIGNMENTS = st.sampled_from(("a=1", "a.b={c,d},e[0]=f", "x="))
OF_TYPE = {
    ValueType.BOOL: st.sampled_from(EITHER_WAY),
    ValueType.INT: st.integers(-(2**63), 2**63 - 1).map(str),
    ValueType.DURATION: st.sampled_from(("0", "90s", "1h5m3.5s")),
    ValueType.MAP: st.sampled_from(("a=b", "a=b,c=d")),
    **dict.fromkeys((each for each in ValueType if each.startswith("set")), ASSIGNMENTS),
    ValueType.SET_JSON: st.sampled_from(("a=[1]", "x=", "{}")),
}
"""Values that flags of the type take; those of the other types take any."""


@st.composite
def readings(draw: st.DrawFn) -> tuple[Tool, Reading]:
    """A command that the tables allow, and that no rule of containment refuses, as its parts."""
    tool = registry.find(draw(st.sampled_from(registry.names())))
    grammar = tool.grammar
    path = draw(st.sampled_from([path for path, verb in grammar.table.verbs.items() if not verb.is_group]))
    usable = [
        spec
        for spec in grammar.table.specs(path)
        if not {spec.name, spec.short} & grammar.refused_flags.keys()
        and (spec.name not in grammar.table.global_flags or grammar.table.long(path, spec.name) is spec)
    ]
    given = [draw(valued(spec)) for spec in draw(st.lists(st.sampled_from(usable), max_size=5))]
    return tool, Reading(tuple(path.split()), tuple(given), tuple(draw(st.lists(WORDS, max_size=3))))


@st.composite
def valued(draw: st.DrawFn, spec: FlagSpec) -> Flag:
    if spec.takes is Takes.VALUE:
        value = draw(OF_TYPE.get(spec.type, VALUES))
        return Flag(spec.name, value, Arity.VALUE, decoding.decode(spec.type, value), spec.names)
    word = draw(st.none() | st.sampled_from(EITHER_WAY))
    return Flag(spec.name, word, Arity.ALONE, word and decoding.decode(spec.type, word), spec.names)


def written(draw: Draw, tool: Tool, path: str, flag: Flag) -> list[str]:
    """A flag in one of the spellings that its CLI takes for the same."""
    spec = tool.grammar.table.long(path, flag.name)
    assert spec is not None
    name = draw(st.sampled_from([flag.name, flag.name.replace("-", "_")]))
    if flag.written is None:
        return [draw(st.sampled_from([f"--{name}", *([f"-{spec.short}"] if spec.short else [])]))]
    ways = [[f"--{name}={flag.written}"]]
    if spec.short:
        ways.append([f"-{spec.short}={flag.written}"])
    if spec.takes is Takes.VALUE:
        ways.append([f"--{name}", flag.written])
        if spec.short:
            ways.append([f"-{spec.short}", flag.written])
        if spec.short and (tool.grammar.takes_glued_values or spec.name in tool.grammar.table.global_flags):
            ways.append([f"-{spec.short}{flag.written}"])
    words: list[str] = draw(st.sampled_from(ways))
    return words


def spelled(draw: Draw, tool: Tool, reading: Reading) -> list[str]:
    """The command's words: flags in their order, operands in theirs, the two mixed."""
    parts = [written(draw, tool, reading.path, flag) for flag in reading.flags]
    operands = [[operand] for operand in reading.operands]
    words = list(reading.verb)
    while parts or operands:
        words += (parts if parts and (not operands or draw(st.booleans())) else operands).pop(0)
    return words


@given(readings(), st.data())
def test_command_made_of_the_grammar_is_read_as_what_it_was_made_of(
    made: tuple[Tool, Reading], data: st.DataObject
) -> None:
    tool, reading = made
    assert flags.read(tool.grammar, spelled(data.draw, tool, reading)) == reading


@given(readings(), st.data())
def test_neither_spelling_nor_order_of_flags_changes_the_class(made: tuple[Tool, Reading], data: st.DataObject) -> None:
    """Of a flag that is given twice the last one counts, so only flags given once change their places."""
    tool, reading = made
    once = tuple({flag.name: flag for flag in reading.flags}.values())
    plain = Reading(reading.verb, once, reading.operands)
    mixed = Reading(reading.verb, tuple(data.draw(st.permutations(once))), reading.operands)
    read = flags.read(tool.grammar, spelled(data.draw, tool, mixed))
    assert classes.classify(tool.grammar, read) == classes.classify(tool.grammar, plain)
