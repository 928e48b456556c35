"""What a command asks the API server for beside what it is for, counted at the server."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.api_server import ApiServer
from tests.support.caller import Caller

DISCOVERY = {"GET /api", "GET /apis"}

CallerOf = Callable[[str], Caller]


@pytest.fixture
def caller_named(caller: Caller, api_server: ApiServer) -> CallerOf:
    """Callers with the same rights and credentials of their own."""

    def named(name: str) -> Caller:
        return replace(caller, kubeconfig=api_server.kubeconfig(token=f"{api_server.token}.{name}"))

    return named


async def requests_of(server: ApiServer, caller: Caller, tool: str, command: str) -> dict[str, int]:
    """What a command that succeeds asks the server for, and how often. Nobody else may ask meanwhile."""
    before = await server.requests()
    await caller.output(tool, command)
    after = await server.requests()
    return {what: count - before.get(what, 0) for what, count in after.items() if count != before.get(what, 0)}


async def test_second_get_of_a_caller_makes_one_request(
    caller_named: CallerOf, api_server: ApiServer, name: str
) -> None:
    caller = caller_named(name)
    first = await requests_of(api_server, caller, "kubectl", "get pods")
    second = await requests_of(api_server, caller, "kubectl", "get pods")
    third = await requests_of(api_server, caller, "kubectl", "get configmaps -n other")

    assert first.keys() > DISCOVERY
    assert second == {"GET /api/v1/namespaces/default/pods": 1}
    assert third == {"GET /api/v1/namespaces/other/configmaps": 1}


async def test_another_caller_finds_nothing_of_it(caller_named: CallerOf, api_server: ApiServer, name: str) -> None:
    await caller_named(name).output("kubectl", "get pods")

    asked = await requests_of(api_server, caller_named(f"{name}-other"), "kubectl", "get pods")

    assert asked.keys() > DISCOVERY


async def test_kind_that_is_not_known_is_looked_up_and_the_rest_is_kept(
    caller_named: CallerOf, api_server: ApiServer, name: str
) -> None:
    caller = caller_named(name)
    await caller.output("kubectl", "get pods")

    before = await api_server.requests()
    response = await caller.run("kubectl", "get gadgets")
    after = await api_server.requests()

    assert "doesn't have a resource type" in f"{response.error}"
    assert all(after[path] > before[path] for path in DISCOVERY)
    assert await requests_of(api_server, caller, "kubectl", "get pods") == {"GET /api/v1/namespaces/default/pods": 1}


async def test_what_one_cli_learnt_serves_another(caller_named: CallerOf, api_server: ApiServer, name: str) -> None:
    caller = caller_named(name)
    files = {"c/Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n"}
    await caller.output("helm", f"install {name} ./c", files=files)

    asked = await requests_of(api_server, caller, "kubectl", "get pods")

    assert asked.keys().isdisjoint(DISCOVERY)
