"""Where a command gets to through its worker's proxy, and where not: judged by who was called."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from tests.integration.end_to_end.conftest import DENIED
from tests.integration.end_to_end.system import System, needs_landlock
from tests.support import egress
from tests.support.api_server import ApiServer
from tests.support.caller import Caller
from tests.support.egress import Canary
from worker.launcher import landlock

needs_network_rules = pytest.mark.skipif(landlock.abi() < 4, reason=f"Landlock ABI {landlock.abi()} has no TCP rules")
RULE = "not allowed by ruleset"

Redirected = Callable[[str], Caller]


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    async with egress.canary() as found:
        yield found


@pytest.fixture
async def denied() -> AsyncIterator[Canary]:
    async with egress.canary(DENIED) as found:
        yield found


@pytest.fixture
async def redirecting(caller: Caller) -> AsyncIterator[Callable[[str], Caller]]:
    """A caller whose API server sends each request on to that URL."""
    async with egress.redirecting_server() as (url, lead_to):

        def caller_to(target: str) -> Caller:
            lead_to(target)
            return with_server(caller, url)

        yield caller_to


def with_server(caller: Caller, url: str) -> Caller:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "redirected-token"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    return replace(caller, kubeconfig=json.dumps(config))


def decisions(system: System, job_id: str) -> set[tuple[str, str]]:
    """Hosts that the job's command asked for, and what became of it."""
    [log] = [output for name, output in system.logs().items() if name.startswith("worker")]
    lines = [json.loads(line) for line in log.splitlines() if '"event": "egress"' in line]
    return {(line["host"], line["decision"]) for line in lines if line["job_id"] == job_id}


@pytest.mark.parametrize(("tool", "command"), [("kubectl", "get pods"), ("helm", "list")])
async def test_connection_to_the_api_server_is_judged(caller: Caller, system: System, tool: str, command: str) -> None:
    """A command of the same caller may find a connection that is open."""
    response = await caller.run(tool, command)

    assert response.success, response
    assert decisions(system, response.job_id) <= {("127.0.0.1", "allowed")}


async def test_server_that_the_operator_denies_is_not_reached(caller: Caller, denied: Canary, system: System) -> None:
    response = await with_server(caller, f"http://{DENIED}:{denied.port}").run("kubectl", "get pods")

    assert denied.calls == 0
    assert RULE in f"{response.error}"
    assert "ask the operator" in f"{response.hint}"
    assert (DENIED, "denied-by-operator") in decisions(system, response.job_id)


async def test_our_own_gateway_is_no_api_server(caller: Caller, system: System) -> None:
    response = await with_server(caller, system.other_url).run("kubectl", "get pods")

    assert RULE in f"{response.error}"
    assert "a service of mcp-k8s itself" in f"{response.hint}"
    assert ("127.0.0.1", "own-service") in decisions(system, response.job_id)


async def test_stream_that_outlasts_the_handshake_comes_through(caller: Caller, api_server: ApiServer) -> None:
    stall = api_server.stall()
    job_id = await caller.submit("kubectl", f"get --raw {stall.stream_path}")
    await stall.reached()
    await stall.release()

    assert "after" in (await caller.ended(job_id)).output


@pytest.mark.parametrize("command", ["get --raw /api", "get pods"])
async def test_redirect_of_an_api_server_is_not_followed(redirecting: Redirected, canary: Canary, command: str) -> None:
    """Nobody else gets a request that was made for the caller's server, and nobody learns where it was sent."""
    response = await redirecting(f"http://127.0.0.1:{canary.port}/").run("kubectl", command)

    assert not response.success
    assert "redirect" in f"{response.error}"
    assert canary.calls == 0


@pytest.mark.parametrize(
    ("tool", "command"),
    [
        ("helm", "show chart http://169.254.169.254/x-1.0.0.tgz"),
        ("helm", "show chart oci://169.254.169.254/charts/x --plain-http"),
        ("helm", "repo add x http://169.254.169.254/"),
    ],
)
async def test_url_of_a_command_does_not_lead_to_metadata(
    caller: Caller, system: System, tool: str, command: str
) -> None:
    response = await caller.run(tool, command)

    assert not response.success
    assert ("169.254.169.254", "forbidden-address") in decisions(system, response.job_id)


@pytest.mark.parametrize(
    ("command", "place", "hint"),
    [
        ("repo add x https://charts.invalid", "charts.invalid:443", "chart repository"),
        ("install shop nginx --repo https://charts.invalid", "charts.invalid:443", "chart repository"),
        ("install shop https://charts.invalid/nginx-1.0.0.tgz", "charts.invalid:443", "chart repository"),
        ("install shop oci://registry.invalid/nginx", "registry.invalid:443", "registry"),
    ],
)
async def test_repository_that_is_not_there_is_named_and_the_proxy_is_not(
    caller: Caller, command: str, place: str, hint: str
) -> None:
    response = await caller.run("helm", command)

    assert f": dial tcp {place}: no such host" in f"{response.error}"
    assert hint in f"{response.hint}"
    assert "socks" not in f"{response.error}"
    assert "127.0.0.1" not in f"{response.error}"


async def test_repository_that_a_rule_forbids_is_named_with_the_rule(caller: Caller) -> None:
    response = await caller.run("helm", "repo add x http://169.254.169.254")

    assert f": dial tcp 169.254.169.254:80: {RULE} of this worker" in f"{response.error}"
    assert "ask the operator" in f"{response.hint}"


@needs_landlock
@needs_network_rules
async def test_program_that_ignores_the_proxy_reaches_nothing(caller: Caller, canary: Canary, system: System) -> None:
    gateway = system.url.removeprefix("http://")
    for place in (f"127.0.0.1:{canary.port}", gateway, f"--url=http://{gateway}"):
        response = await caller.run("stub", f"read connect {place}")
        assert "PermissionError" in f"{response.error}"
    assert canary.calls == 0


async def test_place_on_loopback_that_a_command_names_is_reached(caller: Caller, canary: Canary) -> None:
    """CLIs use no proxy for loopback; the worker allows that here, as `up` does."""
    await caller.run("helm", f"show chart http://127.0.0.1:{canary.port}/x-1.0.0.tgz")

    assert canary.calls > 0


async def test_worker_s_own_addresses_are_not_shown(caller: Caller) -> None:
    shown = await caller.output("kubectl", "config view")

    assert "proxy-url" not in shown
    assert "server: https://127.0.0.1:" in shown
