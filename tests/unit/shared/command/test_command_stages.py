"""What of a pipeline becomes the tool's stage, and what the stages behind it."""

import pytest

from shared.command import parser
from shared.command.invocation import Invocation
from shared.tools import registry


def parse(text: str, **fields: str) -> Invocation:
    """Reads a command that names its tool."""
    return parser.parse(registry.find(text.split(maxsplit=1)[0]), text, **fields)


def test_stages_behind_the_tools_are_kept_word_by_word() -> None:
    invocation = parse("kubectl get cm x -o json | jq -r '.data|keys[]' | head -n 1", namespace="y")
    assert invocation.arguments == ("--namespace=y", "get", "cm", "x", "-o", "json")
    assert invocation.filters == (("jq", "-r", ".data|keys[]"), ("head", "-n", "1"))


def test_quoted_pipe_is_text() -> None:
    invocation = parse("kubectl create cm x --from-literal='a=b|c'")
    assert invocation.arguments[-1] == "--from-literal=a=b|c"
    assert invocation.filters == ()


def test_terminator_does_not_hide_the_pipe() -> None:
    invocation = parse("kubectl exec p -- ls / | wc -l")
    assert invocation.arguments == ("exec", "p", "--", "ls", "/")
    assert invocation.filters == (("wc", "-l"),)


@pytest.mark.parametrize(
    "text", ["kubectl get pods -w", "kubectl delete pod x", "helm upgrade x y --wait --timeout 1m"]
)
def test_class_lane_and_waits_are_those_of_the_first_stage(text: str) -> None:
    alone, piped = parse(text), parse(f"{text} | grep -- --watch | head --timeout 9h")
    assert (piped.verb, piped.command_class, piped.lane) == (alone.verb, alone.command_class, alone.lane)
    assert (piped.own_timeout_s, piped.arguments) == (alone.own_timeout_s, alone.arguments)
