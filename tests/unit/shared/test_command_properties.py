"""What holds for every command, however it is spelled."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import command
from shared.errors import ErrorCode, RequestError
from shared.invocation import Invocation
from shared.tools import registry


def parse(text: str, **fields: Any) -> Invocation:
    """Reads a command that names its tool."""
    return command.parse(registry.find(text.split(maxsplit=1)[0]), text, **fields)


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
            assert command.parse(tool, " ".join(words)).verb
