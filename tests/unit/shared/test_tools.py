import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from shared import command
from shared.errors import ErrorCode, RequestError
from shared.models import CommandClass
from shared.tools import kubectl, registry
from shared.tools.tool import Tool

EACH_TOOL = pytest.mark.parametrize("tool", registry.tools(), ids=lambda tool: tool.name)


def verb_paths(tool: Tool) -> Iterator[str]:
    grammar = tool.grammar
    yield from grammar.classes
    yield from grammar.refused_verbs
    yield from grammar.aliases
    yield from grammar.verb_groups


def test_registry_has_the_four_tools_in_their_order() -> None:
    assert registry.names() == ("kubectl", "helm", "istioctl", "argocd")
    assert registry.find("helm").name == "helm"


def test_unknown_tool_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(RequestError) as caught:
        registry.find("terraform")
    assert caught.value.code is ErrorCode.TOOL_UNKNOWN
    assert "kubectl, helm, istioctl, argocd" in caught.value.detail


def test_registered_tool_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_TOOLS", dict.fromkeys(registry.names(), kubectl.TOOL))
    stub = Tool(
        name="stub",
        summary="",
        examples=(),
        grammar=kubectl.TOOL.grammar,
        version_arguments=(),
        version_pattern="",
        install_hint="",
    )
    registry.register(stub)
    assert registry.find("stub") is stub
    assert registry.names()[-1] == "stub"


@EACH_TOOL
def test_no_flag_both_takes_a_value_and_stands_alone(tool: Tool) -> None:
    assert not tool.grammar.value_flags & tool.grammar.boolean_flags


@EACH_TOOL
def test_each_group_on_the_way_to_a_verb_is_listed(tool: Tool) -> None:
    for path in verb_paths(tool):
        parent = path.rpartition(" ")[0]
        assert not parent or parent in tool.grammar.verb_groups, path


@EACH_TOOL
def test_each_alias_stands_for_a_verb_that_is_listed(tool: Tool) -> None:
    grammar = tool.grammar
    for alias, verb in grammar.aliases.items():
        assert verb in {*grammar.classes, *grammar.refused_verbs, *grammar.verb_groups}
        assert alias not in grammar.classes


@EACH_TOOL
def test_flags_with_a_role_are_in_the_tables(tool: Tool) -> None:
    grammar = tool.grammar
    assert grammar.global_flags <= grammar.value_flags | grammar.boolean_flags
    assert grammar.namespace_flags | grammar.context_flags | grammar.timeout_flags <= grammar.value_flags
    assert not grammar.global_flags & grammar.refused_flags.keys()
    assert set(grammar.standalone_under) <= grammar.value_flags
    assert set(grammar.redefined_under) <= grammar.refused_flags.keys() & grammar.value_flags


@EACH_TOOL
def test_each_example_and_the_version_command_are_taken(tool: Tool) -> None:
    for example in tool.examples:
        assert command.parse(tool, example).command_class is not CommandClass.DESTRUCTIVE
    assert not command.parse(tool, " ".join(f"'{word}'" for word in tool.version_arguments)).needs_cluster


@EACH_TOOL
def test_what_is_refused_says_what_to_do(tool: Tool) -> None:
    for why in (*tool.grammar.refused_flags.values(), *tool.grammar.refused_verbs.values()):
        assert len(why.split()) > 4
        assert not why.endswith(".")


@pytest.mark.parametrize(
    ("tool", "output", "version"),
    [
        ("kubectl", "Client Version: v1.37.1\nKustomize Version: v5.8.1\n", "1.37.1"),
        ("helm", "v4.3.1", "4.3.1"),
        ("istioctl", "client version: 1.30.0\n", "1.30.0"),
        ("istioctl", "1.20.0\n", "1.20.0"),
        ("argocd", "argocd: v3.5.7+abc\n", "3.5.7+abc"),
    ],
)
def test_version_is_read_from_what_the_tool_prints(tool: str, output: str, version: str) -> None:
    match = re.search(registry.find(tool).version_pattern, output)
    assert match is not None
    assert match.group(1) == version


@pytest.mark.parametrize(("tool", "arguments"), [("kubectl", ["options"]), ("helm", ["--help"])])
def test_each_global_flag_of_the_real_cli_is_known(tool: str, arguments: list[str]) -> None:
    binary = shutil.which(tool)
    if binary is None:
        pytest.skip(f"{tool} is not on PATH: run `make tools`")
    grammar = registry.find(tool).grammar
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=True, timeout=30)
    flags = re.findall(r"^ +(?:-(\w), )?--([\w-]+)", done.stdout, re.MULTILINE)
    names = {name for pair in flags for name in pair if name}
    assert names
    assert names <= {*grammar.global_flags, *grammar.refused_flags, "h", "help"}
