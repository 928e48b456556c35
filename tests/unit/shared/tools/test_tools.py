import re
import shutil
import subprocess

import pytest

from shared.command import parser
from shared.errors import ErrorCode, RequestError
from shared.models import CommandClass
from shared.tools import registry, table
from shared.tools.kubectl import definition as kubectl
from shared.tools.table import Takes
from shared.tools.tool import Tool

EACH_TOOL = pytest.mark.parametrize("tool", registry.tools(), ids=lambda tool: tool.name)


def test_each_folder_has_a_line_in_the_registry_and_the_tool_its_name() -> None:
    folders = {path.parent.name for path in table.FOLDER.glob("*/__init__.py")}
    assert folders == set(registry.NAMES)
    assert registry.names() == registry.NAMES == tuple(tool.name for tool in registry.tools())


def test_unknown_tool_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(RequestError) as caught:
        registry.find("terraform")
    assert caught.value.code is ErrorCode.TOOL_UNKNOWN
    assert ", ".join(registry.NAMES) in caught.value.detail


def test_registered_tool_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = dict(zip(registry.names(), registry.tools(), strict=True))
    monkeypatch.setattr(registry, "_tools", lambda: tools)
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


def is_below_a_refused_one(tool: Tool, path: str) -> bool:
    words = path.split()
    return any(" ".join(words[:length]) in tool.grammar.refused_verbs for length in range(1, len(words) + 1))


@EACH_TOOL
def test_each_verb_of_the_tables_has_a_class(tool: Tool) -> None:
    """A group does nothing by itself, and what stands below a refused verb is refused with it."""
    grammar = tool.grammar
    verbs = {path for path, verb in grammar.table.verbs.items() if not verb.is_group}
    assert not [path for path in verbs - grammar.classes.keys() if not is_below_a_refused_one(tool, path)]


@EACH_TOOL
def test_each_verb_that_is_classed_or_judged_is_in_the_tables(tool: Tool) -> None:
    grammar = tool.grammar
    by_rules = {verb for rule in grammar.class_rules for verb in rule.verbs}
    named = {*grammar.classes, *by_rules, *grammar.container_verbs, *grammar.waiting_verbs, *grammar.endless}
    assert named | {*grammar.exclusive_verbs, *grammar.file_operands} <= grammar.table.verbs.keys()


@EACH_TOOL
def test_each_group_on_the_way_to_a_verb_is_one(tool: Tool) -> None:
    verbs = tool.grammar.table.verbs
    for path in verbs:
        parent = path.rpartition(" ")[0]
        assert not parent or verbs[parent].is_group, path


@EACH_TOOL
def test_no_other_name_of_a_verb_hides_a_verb(tool: Tool) -> None:
    table = tool.grammar.table
    assert not table.aliases.keys() & table.verbs.keys()
    assert set(table.aliases.values()) <= table.verbs.keys()


@EACH_TOOL
def test_flags_with_a_role_are_in_the_tables(tool: Tool) -> None:
    grammar = tool.grammar
    flags = {spec.name: spec.takes for path in ("", *grammar.table.verbs) for spec in grammar.table.specs(path)}
    valued = {name for name, takes in flags.items() if takes is Takes.VALUE}
    endless = {flag for names in grammar.endless.values() for flag in names}
    roles = {*grammar.waiting_flags, *grammar.inclusive_flags, *endless}
    local = grammar.local_flags | grammar.reaching_flags
    assert roles | local <= flags.keys() | {"use-kube"}
    assert grammar.namespace_flags | grammar.context_flags <= valued
    assert not grammar.table.global_flags.keys() & grammar.redefined_under.keys() - grammar.refused_flags.keys()


@EACH_TOOL
def test_what_a_verb_redefines_is_read_the_same_before_the_verb(tool: Tool) -> None:
    """Before the verb only global flags are known, so their arity may not change behind it."""
    table = tool.grammar.table
    for verb in table.verbs.values():
        for spec in verb.flags.values():
            everywhere = table.global_flags.get(spec.name)
            assert everywhere is None or everywhere.takes is spec.takes
            letters = {other.short: other.name for other in table.global_flags.values() if other.short}
            assert letters.get(spec.short, spec.name) == spec.name


ABOUT_FILES = re.compile("file|path|dir(?!ection)|manifests")
NO_FILES = {
    "kubectl": "accept-paths append-server-path delete-emptydir-data reject-paths",
    "helm": "jsonpath",
    "argocd": """
        aws-profile azure-active-directory-endpoint directory-exclude directory-include directory-recurse
        dry-source-path grpc-web-root-path helm-set-file ignore-missing-value-files path sync-source-path
    """,
}
"""They name paths on a server or in a git repository, or no path at all."""


@EACH_TOOL
def test_each_flag_that_names_files_is_known_as_such(tool: Tool) -> None:
    grammar = tool.grammar
    verbs = [path for path in grammar.table.verbs if not is_below_a_refused_one(tool, path)]
    specs = [spec for path in ("", *verbs) for spec in grammar.table.specs(path)]
    unclear = {spec.name for spec in specs if ABOUT_FILES.search(spec.name.lower()) and spec.names is None}
    assert unclear <= {*NO_FILES.get(tool.name, "").split(), *grammar.refused_flags}


@EACH_TOOL
def test_each_example_and_the_version_command_are_taken(tool: Tool) -> None:
    for example in tool.examples:
        assert parser.parse(tool, example).command_class is not CommandClass.DESTRUCTIVE
    assert not parser.parse(tool, " ".join(f"'{word}'" for word in tool.version_arguments)).needs_cluster


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


@pytest.mark.parametrize(
    ("tool", "version", "is_too_old"),
    [
        ("kubectl", "1.9.1", True),
        ("kubectl", "1.32.4-dispatcher", True),
        ("kubectl", "1.36.0", False),
        ("kubectl", "2.0", False),
        ("kubectl", "unknown", False),
        ("helm", "v3.0.0", False),
    ],
)
def test_version_is_too_old_if_something_does_not_work_with_it(*, tool: str, version: str, is_too_old: bool) -> None:
    assert (registry.find(tool).age_problem(version) is not None) is is_too_old


@pytest.mark.parametrize(("tool", "arguments"), [("kubectl", ["options"]), ("helm", ["--help"])])
def test_each_global_flag_of_the_real_cli_is_known(tool: str, arguments: list[str]) -> None:
    binary = shutil.which(tool)
    if binary is None:
        pytest.skip(f"{tool} is not on PATH: run `make tools`")
    grammar = registry.find(tool).grammar
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=True, timeout=30)
    flags = re.findall(r"^ +(?:-(\w), )?--([\w-]+)", done.stdout, re.MULTILINE)
    names = {name for pair in flags for name in pair if name}
    known = {name for spec in grammar.table.specs("") for name in (spec.name, spec.short)}
    assert names
    assert names <= {*known, *grammar.refused_flags, "h", "help"}
