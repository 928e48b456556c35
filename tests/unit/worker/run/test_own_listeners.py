"""Which commands get ports of their own, and which ports these are."""

import shlex
from pathlib import Path

import pytest

from shared.models import CommandClass
from shared.sealing.envelope import RequestEnvelope
from shared.tools import registry
from worker.run import own_listeners

TOOLS = {tool.name: tool for tool in registry.tools()}


def command(tool: str, verb: str, rest: str, command_class: CommandClass) -> RequestEnvelope:
    return RequestEnvelope(
        tool=tool,
        arguments=tuple(shlex.split(f"{verb} {rest}")),
        verb=tuple(verb.split()),
        command_class=command_class,
        time_limit_s=60,
        queue_wait_s=0,
    )


@pytest.mark.parametrize(
    ("tool", "verb", "rest", "listens"),
    [
        ("istioctl", "proxy-config route", "deploy/web", True),
        ("istioctl", "proxy-status", "", True),
        ("istioctl", "version", "", True),
        ("istioctl", "analyze", "", False),
        ("istioctl", "tag list", "", False),
        ("argocd", "app list", "--core", True),
        ("argocd", "app list", "--core=true", True),
        ("argocd", "app list", "--core=false", False),
        ("argocd", "app list", "", False),
        ("argocd", "app list", "--selector --core", False),
        ("kubectl", "get", "pods", False),
        ("helm", "install", "x ./x", False),
    ],
)
def test_few_commands_listen_for_themselves(tool: str, verb: str, rest: str, listens: bool) -> None:
    assert own_listeners.are_needed(TOOLS[tool], command(tool, verb, rest, CommandClass.READ)) is listens


def test_command_that_reaches_no_cluster_does_not() -> None:
    local = command("istioctl", "version", "--remote=false", CommandClass.LOCAL)
    assert not own_listeners.are_needed(TOOLS["istioctl"], local)


@pytest.mark.parametrize("name", TOOLS)
def test_verbs_and_flags_that_listen_are_the_clis_own(name: str) -> None:
    tool = TOOLS[name]
    assert tool.listening_verbs <= tool.grammar.table.verbs.keys()
    assert tool.listening_flags <= tool.grammar.table.global_flags.keys()


@pytest.mark.parametrize(
    ("closed", "ports"),
    [
        (set(), ((100, 110),)),
        ({6379}, ((100, 110),)),
        ({105}, ((100, 104), (106, 110))),
        ({100, 110}, ((101, 109),)),
        ({103, 104, 106}, ((100, 102), (105, 105), (107, 110))),
        (set(range(100, 111)), ()),
    ],
)
def test_ports_are_those_that_the_kernel_chooses_from_but_for_our_own(
    closed: set[int], ports: tuple[tuple[int, int], ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = tmp_path / "range"
    setting.write_text("100\t110\n")
    monkeypatch.setattr(own_listeners, "_SETTING", setting)

    assert own_listeners.ports(frozenset(closed)) == ports


@pytest.mark.parametrize("content", [None, "", "x y"], ids=["missing", "empty", "no numbers"])
def test_kernel_that_does_not_say_has_the_usual_ports(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = tmp_path / "range"
    if content is not None:
        setting.write_text(content)
    monkeypatch.setattr(own_listeners, "_SETTING", setting)

    assert own_listeners.ports(frozenset()) == (own_listeners.DEFAULT_RANGE,)
