"""Commands over REST, with the real kubectl and helm against an API server."""

import json

import httpx
import pytest

from shared.models import JobState
from tests.integration.end_to_end.system import System
from tests.support.api_server import ApiServer
from tests.support.caller import Caller, caller_of, encoded

COMMAND = {"command": "get pods -n default"}
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{colour: {colour}}}\n"
CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: tiny\nversion: 0.1.0\n",
    "chart/values.yaml": "colour: red\n",
    "chart/templates/settings.yaml": CONFIG_MAP.format(name='"{{ .Release.Name }}"', colour='"{{ .Values.colour }}"'),
    "values/blue.yaml": "colour: blue\n",
}


def assert_pods(answer: httpx.Response) -> None:
    assert answer.status_code == httpx.codes.OK, answer.text
    body = answer.json()
    assert (body["success"], body["error"], body["exit_code"]) == (True, None, 0)
    head, first, *_ = body["output"].splitlines()
    assert head.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert first.split()[:3] == ["web-1", "1/1", "Running"]


async def test_kubeconfig_comes_in_the_header(caller: Caller, api_server: ApiServer) -> None:
    headers = {"X-Kubeconfig": encoded(api_server.kubeconfig())}

    assert_pods(await caller.http.post("/tools/kubectl", json=COMMAND, headers=headers))


async def test_kubeconfig_comes_in_the_body_in_base64(caller: Caller, api_server: ApiServer) -> None:
    body = {**COMMAND, "kubeconfig": encoded(api_server.kubeconfig())}

    assert_pods(await caller.http.post("/tools/kubectl", json=body))


async def test_kubeconfig_comes_in_the_body_as_yaml(caller: Caller, api_server: ApiServer) -> None:
    assert_pods(await caller.http.post("/tools/kubectl", json={**COMMAND, "kubeconfig": api_server.kubeconfig()}))


async def test_header_wins_over_the_body(caller: Caller, api_server: ApiServer) -> None:
    headers = {"X-Kubeconfig": encoded(api_server.kubeconfig())}
    body = {**COMMAND, "kubeconfig": api_server.kubeconfig(token="wrong")}

    assert_pods(await caller.http.post("/tools/kubectl", json=body, headers=headers))


async def test_namespace_field_chooses_the_namespace(caller: Caller) -> None:
    assert await caller.output("kubectl", "get pods -o name", namespace="other") == "pod/db-0\n"


@pytest.mark.parametrize(
    ("command", "fields"),
    [("get pods -o name", {"context": "other"}), ("get pods -o name --context other", {})],
    ids=["field", "flag"],
)
async def test_context_is_chosen(caller: Caller, command: str, fields: dict[str, str]) -> None:
    assert await caller.output("kubectl", command, **fields) == "pod/db-0\n"


async def test_apply_reads_standard_input(caller: Caller, name: str) -> None:
    manifest = CONFIG_MAP.format(name=name, colour="green")

    assert await caller.output("kubectl", "apply -f -", stdin=manifest) == f"configmap/{name} created\n"
    assert await caller.output("kubectl", f"get cm {name} -o jsonpath='{{.data.colour}}'") == "green"


async def test_apply_reads_files_of_the_request(caller: Caller, name: str) -> None:
    files = {"manifests/one.yaml": CONFIG_MAP.format(name=name, colour="grün")}

    assert await caller.output("kubectl", "apply -f manifests/one.yaml", files=files) == f"configmap/{name} created\n"
    assert await caller.output("kubectl", f"get cm {name} -o jsonpath='{{.data.colour}}'") == "grün"


async def test_helm_installs_lists_and_uninstalls_a_chart_from_files(caller: Caller, name: str) -> None:
    installed = await caller.run("helm", f"install {name} ./chart -f values/blue.yaml", files=CHART)
    listed = json.loads(await caller.output("helm", "list -o json"))
    colour = await caller.output("kubectl", f"get cm {name} -o jsonpath='{{.data.colour}}'")
    removed = await caller.run("helm", f"uninstall {name}")

    assert installed.success, installed.error
    assert (name, "deployed") in [(release["name"], release["status"]) for release in listed]
    assert colour == "blue"
    assert removed.success, removed.error
    assert not (await caller.run("kubectl", f"get cm {name}")).success


async def test_failed_command_is_an_answer_and_no_error(caller: Caller) -> None:
    response = await caller.run("kubectl", "get pod missing")

    assert (response.success, response.output, response.exit_code) == (False, "", 1)
    assert response.state is JobState.FAILED
    assert response.error is not None
    assert 'pods "missing" not found' in response.error


async def test_refused_token_is_told_readably(system: System, api_server: ApiServer) -> None:
    async with caller_of(system.url, api_server.kubeconfig(token="wrong")) as stranger:
        response = await stranger.run("kubectl", "get pods")

    assert not response.success
    assert response.error is not None
    assert "You must be logged in to the server" in response.error


async def test_command_may_name_its_tool_first(caller: Caller) -> None:
    assert "web-1" in await caller.output("kubectl", "kubectl get pods -l 'app in (web)'")


async def test_response_tells_more_than_the_first_generations(caller: Caller) -> None:
    response = await caller.run("stub", "read say 'a  b'")
    job = await caller.job(response.job_id)

    assert response.output == "a  b\n"
    assert job.response == response
    assert job.started_at is not None
    assert job.ended_at is not None
    assert job.created_at <= job.started_at <= job.ended_at


async def test_every_gateway_shows_the_tools_of_the_workers(caller: Caller, other_caller: Caller) -> None:
    shown = [(await client.http.get("/tools/status")).json() for client in (caller, other_caller)]

    assert shown[0] == shown[1]
    assert shown[0]["helm"] == {"available": True, "version": shown[0]["helm"]["version"], "workers": 1}
