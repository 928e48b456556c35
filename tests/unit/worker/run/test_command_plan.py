"""A worker grants a sealed command only what its tool may have, even if a gateway sealed a request for more."""

from pathlib import Path
from typing import Any

import pytest

from shared.sealing.envelope import Command
from shared.tools import registry
from worker.door.client.address import DoorAddress
from worker.door.messages import Access
from worker.egress.proxy import ProxyAccess
from worker.launcher.protocol import SandboxRules
from worker.machine.tool_binaries import ToolBinary
from worker.output import replacing
from worker.run import command_plan, own_listeners
from worker.run.command_plan import PlanSettings, Ways
from worker.run.job_directory import JobDirectory

PROXY = ProxyAccess(1080, "user", "secret")
OWN_PORT = 6379
ARGO_CD = DoorAddress(
    5000, Access(pass_="pass", principal="anonymous", server="https://argocd.example", is_argo_cd=True)
)
DOOR = DoorAddress(5000, Access(pass_="pass", principal="anonymous", server="https://api.example"))


def settings(*, allow_loopback_fetches: bool = True) -> PlanSettings:
    return PlanSettings(
        sandboxed=True,
        allow_loopback_fetches=allow_loopback_fetches,
        job_file_bytes=1_000_000,
        go_memory_limit="200MiB",
        own_ports=lambda: frozenset({OWN_PORT}),
    )


def planned(
    tool: str,
    *,
    with_settings: PlanSettings | None = None,
    proxy: ProxyAccess | None = PROXY,
    door: DoorAddress | None = None,
    **fields: Any,
) -> tuple[SandboxRules, dict[str, str]]:
    """The sandbox and the environment of a command that asks for this."""
    command = Command(tool=tool, arguments=("version",), verb=("version",), **fields)
    binary = ToolBinary(registry.find(tool), Path("/bin") / tool)
    chosen = with_settings or settings()
    ways = Ways(proxy, door)
    plan = command_plan.build(command, binary, JobDirectory(Path("/job")), time_limit_s=60, settings=chosen, ways=ways)
    plan.close()
    assert plan.spec.sandbox is not None
    return plan.spec.sandbox, dict(plan.spec.environment)


def test_ports_on_loopback_are_opened_but_for_those_of_our_own_services() -> None:
    sandbox, _ = planned("helm", loopback_ports=(80, OWN_PORT))
    assert sandbox.connect_ports == (80, PROXY.port)


@pytest.mark.parametrize(
    ("given", "proxy", "ports"),
    [(settings(allow_loopback_fetches=False), PROXY, (PROXY.port,)), (settings(), None, ())],
    ids=["loopback is not allowed", "no network"],
)
def test_ports_on_loopback_stay_closed(given: PlanSettings, proxy: ProxyAccess | None, ports: tuple[int, ...]) -> None:
    sandbox, _ = planned("helm", with_settings=given, proxy=proxy, loopback_ports=(80,), listens=True)
    assert (sandbox.connect_ports, sandbox.own_ranges, sandbox.bind_ports) == (ports, (), ())


@pytest.mark.parametrize("is_needed", [True, False], ids=["its own server", "no server"])
def test_child_takes_the_door_for_its_server_and_never_has_the_credential(is_needed: bool) -> None:
    given = {"ARGOCD_SERVER": "argocd.example", "ARGOCD_AUTH_TOKEN": "canary"}
    sandbox, environment = planned("argocd", door=ARGO_CD if is_needed else None, credentials=given)
    named = {name: value for name, value in environment.items() if name.startswith("ARGOCD")}
    assert named == (
        {
            "ARGOCD_SERVER": "127.0.0.1:5000",
            "ARGOCD_OPTS": "--plaintext --grpc-web --grpc-web-root-path pass",
        }
        if is_needed
        else {}
    )
    assert sandbox.connect_ports == ((PROXY.port, ARGO_CD.port) if is_needed else (PROXY.port,))
    assert "canary" not in str(environment)


@pytest.mark.parametrize(
    ("tool", "may_listen"), [("kubectl", False), ("helm", False), ("istioctl", True), ("argocd", True)]
)
def test_only_a_tool_that_listens_for_itself_gets_ports_for_it(tool: str, may_listen: bool) -> None:
    sandbox, _ = planned(tool, listens=True)
    asked_for = (own_listeners.ports(frozenset({OWN_PORT})), (own_listeners.CHOSEN_BY_THE_KERNEL,))
    assert (sandbox.own_ranges, sandbox.bind_ports) == (asked_for if may_listen else ((), ()))


def test_command_that_does_not_ask_for_listeners_gets_none() -> None:
    sandbox, _ = planned("istioctl")
    assert (sandbox.own_ranges, sandbox.bind_ports) == ((), ())


@pytest.mark.parametrize("tool", ["kubectl", "argocd"])
def test_proxy_is_named_in_no_variable_but_the_usual_two(tool: str) -> None:
    _, environment = planned(tool)
    assert {name for name, value in environment.items() if value == PROXY.url} == {"HTTPS_PROXY", "HTTP_PROXY"}


def test_command_may_connect_to_the_door_and_the_proxy_and_to_nothing_else() -> None:
    sandbox, _ = planned("kubectl", door=DOOR)
    assert sandbox.connect_ports == (PROXY.port, DOOR.port)


def test_address_of_the_door_is_replaced_in_the_output_of_its_command() -> None:
    binary, command = (
        ToolBinary(registry.find("kubectl"), Path("/bin/kubectl")),
        Command(tool="kubectl", arguments=("version",), verb=("version",)),
    )
    plan = command_plan.build(
        command, binary, JobDirectory(Path("/job")), time_limit_s=60, settings=settings(), ways=Ways(None, DOOR)
    )
    plan.close()
    assert plan.replaced[DOOR.url.encode()] == b"https://api.example"
    assert plan.changes_output


def test_address_and_password_of_the_proxy_are_replaced_in_the_output_of_its_command() -> None:
    binary = ToolBinary(registry.find("argocd"), Path("/bin/argocd"))
    command = Command(tool="argocd", arguments=("app", "list"), verb=("app", "list"))
    plan = command_plan.build(
        command, binary, JobDirectory(Path("/job")), time_limit_s=60, settings=settings(), ways=Ways(PROXY)
    )
    plan.close()
    printed = f"{PROXY.url} {PROXY.place} {PROXY.password}"
    shown = replacing.replaced(printed.encode(), plan.replaced).decode()
    assert shown == "[proxy of the worker] [proxy of the worker] [redacted]"
    assert plan.proxy_place == PROXY.place
    assert plan.changes_output
