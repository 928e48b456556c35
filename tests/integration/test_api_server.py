"""The API server that other tests stand on, as the real kubectl and helm see it."""

import asyncio
import json
import os
import select
import signal
import ssl
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.support import cli, processes
from tests.support.api_server import ApiServer
from tests.support.cli import Cli

KUBECTLS: list[Path | None] = [*cli.find_all("kubectl")] or [None]
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{colour: {colour}}}\n"
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: tiny\nversion: 0.1.0\n",
    "values.yaml": "colour: red\n",
    "templates/settings.yaml": CONFIG_MAP.format(name='"{{ .Release.Name }}"', colour='"{{ .Values.colour }}"'),
}


STARTER = """
import os, signal
from tests.support.api_server import ApiServer
print(ApiServer.start().pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with ApiServer.start() as running:
        processes.long_lived.add(running.pid)
        yield running


CliOf = Callable[[Path, str], Cli]


@pytest.fixture
def cli_of(tmp_path: Path) -> CliOf:
    """Makes a Cli of a path and the text of a kubeconfig."""

    def make(path: Path, kubeconfig: str) -> Cli:
        config = tmp_path / f"kubeconfig-{uuid.uuid4().hex}"
        config.write_text(kubeconfig)
        return Cli(path, {"KUBECONFIG": str(config), "HOME": str(tmp_path), "PATH": os.environ["PATH"]})

    return make


@pytest.fixture(params=KUBECTLS, ids=str)
def kubectl(request: pytest.FixtureRequest, server: ApiServer, cli_of: CliOf) -> Cli:
    return cli_of(request.param or cli.find("kubectl"), server.kubeconfig())


@pytest.fixture
def helm(server: ApiServer, cli_of: CliOf) -> Cli:
    return cli_of(cli.find("helm"), server.kubeconfig())


@pytest.fixture
def name() -> str:
    """One that no other test uses."""
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def namespace(kubectl: Cli, name: str) -> str:
    await kubectl.output("create", "namespace", name)
    return name


@pytest.fixture
def chart(tmp_path: Path) -> str:
    for path, content in CHART.items():
        file = tmp_path / "chart" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return str(tmp_path / "chart")


@pytest.fixture
def client(server: ApiServer) -> Iterator[httpx.Client]:
    tls = ssl.create_default_context(cadata=server.ca_pem.decode())
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=server.url, verify=tls, headers=headers, trust_env=False) as made:
        yield made


async def test_get_pods_prints_the_columns_of_a_real_server(kubectl: Cli) -> None:
    head, first, *_ = (await kubectl.output("get", "pods")).splitlines()
    assert head.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert first.split() == ["web-1", "1/1", "Running", "0", "3d"]


async def test_each_context_has_its_own_namespace(kubectl: Cli) -> None:
    assert await kubectl.output("get", "pods", "-o", "name") == "pod/web-1\npod/web-2\n"
    assert await kubectl.output("get", "pods", "-o", "name", "--context", "other") == "pod/db-0\n"


async def test_all_namespaces_are_listed_together(kubectl: Cli) -> None:
    lines = (await kubectl.output("get", "pods", "-A", "--no-headers")).splitlines()
    found = {tuple(line.split()[:2]) for line in lines}
    assert found >= {("default", "web-1"), ("default", "web-2"), ("other", "db-0")}


@pytest.mark.parametrize(
    ("selector", "found"),
    [("app=web", True), ("app in (web,db)", True), ("app!=web", False), ("!app", False), ("app notin (db)", True)],
)
async def test_label_selectors_choose(kubectl: Cli, selector: str, found: bool) -> None:
    assert ("web-1" in await kubectl.output("get", "pods", "-o", "name", "-l", selector)) is found


async def test_describe_shows_the_containers(kubectl: Cli) -> None:
    assert "Image:          registry.example/app:1.0" in await kubectl.output("describe", "pod", "web-1")


async def test_apply_creates_configures_and_leaves_unchanged(kubectl: Cli, name: str) -> None:
    for colour, change in (("red", "created"), ("blue", "configured"), ("blue", "unchanged")):
        manifest = CONFIG_MAP.format(name=name, colour=colour)
        assert await kubectl.output("apply", "-f", "-", stdin=manifest) == f"configmap/{name} {change}\n"
    assert await kubectl.output("get", "configmap", name, "-o", "jsonpath={.data.colour}") == "blue"


async def test_server_side_apply_creates_and_changes(kubectl: Cli, name: str) -> None:
    for colour in ("red", "blue"):
        manifest = CONFIG_MAP.format(name=name, colour=colour)
        await kubectl.output("apply", "--server-side", "-f", "-", stdin=manifest)
        assert await kubectl.output("get", "configmap", name, "-o", "jsonpath={.data.colour}") == colour


async def test_dry_run_changes_nothing(kubectl: Cli, name: str) -> None:
    await kubectl.output("create", "configmap", name, "--from-literal=a=b", "--dry-run=server")
    assert "not found" in (await kubectl.run("get", "configmap", name)).stderr


async def test_create_sends_protobuf_and_is_understood(kubectl: Cli, name: str) -> None:
    await kubectl.output("create", "secret", "generic", name, "--from-literal=a=b", "--from-literal=c=d")
    assert (
        await kubectl.output("get", "secret", name, "-o", "jsonpath={.type} {.data.a} {.data.c}") == "Opaque Yg== ZA=="
    )
    assert "already exists" in (await kubectl.run("create", "secret", "generic", name)).stderr


async def test_delete_waits_until_the_object_is_gone(kubectl: Cli, namespace: str) -> None:
    pod = ("pod", "short", "-n", namespace)
    await kubectl.output("run", "short", "--image=registry.example/app:1.0", "-n", namespace)
    assert 'pod "short" deleted' in await kubectl.output("delete", *pod)
    assert (await kubectl.run("get", *pod)).stderr == 'Error from server (NotFound): pods "short" not found\n'


async def test_namespace_takes_its_objects_with_it(kubectl: Cli, namespace: str) -> None:
    await kubectl.output("create", "configmap", "inside", "-n", namespace)
    await kubectl.output("delete", "namespace", namespace)
    assert "not found" in (await kubectl.run("get", "configmap", "inside", "-n", namespace)).stderr


async def test_logs_are_printed(kubectl: Cli) -> None:
    assert await kubectl.output("logs", "web-1") == "starting\nlistening on :8080\nready\n"
    assert await kubectl.output("logs", "web-1", "--tail=1") == "ready\n"


async def test_followed_log_ends_with_its_stall(kubectl: Cli, server: ApiServer, namespace: str) -> None:
    pod = f"pod-{namespace}"
    await kubectl.output("run", pod, "--image=registry.example/app:1.0", "-n", namespace)
    stall = server.stall(f"log-{pod}")
    following = await kubectl.start("logs", "-f", pod, "-n", namespace)
    await stall.reached()
    assert following.returncode is None
    await stall.release()
    assert (await cli.finish(following)).stdout == "starting\nlistening on :8080\nready\nstopping\n"


async def test_watch_prints_what_is_created(kubectl: Cli, namespace: str) -> None:
    await kubectl.output("create", "configmap", "first", "-n", namespace)
    watching = await kubectl.start("get", "configmaps", "-w", "-n", namespace, "-o", "name")
    try:
        assert watching.stdout is not None
        async with asyncio.timeout(cli.TIMEOUT_S):
            assert await watching.stdout.readline() == b"configmap/first\n"
            await kubectl.output("create", "configmap", "second", "-n", namespace)
            assert await watching.stdout.readline() == b"configmap/second\n"
    finally:
        await cli.kill(watching)


@pytest.mark.parametrize(("namespace", "word"), [("default", "yes"), ("forbidden", "no")])
async def test_can_i_tells_what_is_allowed(kubectl: Cli, namespace: str, word: str) -> None:
    assert (await kubectl.run("auth", "can-i", "get", "pods", "-n", namespace)).stdout == f"{word}\n"


async def test_forbidden_namespace_is_denied(kubectl: Cli) -> None:
    answer = await kubectl.run("get", "pods", "-n", "forbidden")
    assert (answer.exit_code, "(Forbidden): pods is forbidden" in answer.stderr) == (1, True)


async def test_wrong_token_is_denied_to_kubectl(server: ApiServer, kubectl: Cli, cli_of: CliOf) -> None:
    answer = await cli_of(kubectl.path, server.kubeconfig(token="wrong")).run("get", "pods")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr.splitlines()[-1].startswith("error: You must be logged in to the server")


async def test_wrong_token_is_denied_to_helm(server: ApiServer, helm: Cli, cli_of: CliOf) -> None:
    answer = await cli_of(helm.path, server.kubeconfig(token="wrong")).run("list")
    assert "the server has asked for the client to provide credentials" in answer.stderr


async def test_helm_installs_lists_upgrades_and_uninstalls(helm: Cli, kubectl: Cli, name: str, chart: str) -> None:
    colour = ("get", "configmap", name, "-o", "jsonpath={.data.colour}")
    assert "STATUS: deployed" in await helm.output("install", name, chart)
    assert await kubectl.output(*colour) == "red"
    await helm.output("upgrade", name, chart, "--set", "colour=blue")
    assert await kubectl.output(*colour) == "blue"
    listed = [line.split() for line in (await helm.output("list")).splitlines()]
    assert [(line[1], line[2]) for line in listed if line[0] == name] == [("default", "2")]
    await helm.output("uninstall", name)
    assert name not in await helm.output("list")
    assert "not found" in (await kubectl.run(*colour)).stderr


async def test_stall_holds_a_raw_request_until_released(kubectl: Cli, server: ApiServer) -> None:
    stall = server.stall()
    waiting = await kubectl.start("get", "--raw", stall.raw_path)
    await stall.reached()
    assert waiting.returncode is None
    await stall.release()
    assert (await cli.finish(waiting)).exit_code == 0


async def test_stalled_stream_shows_its_first_half_at_once(kubectl: Cli, server: ApiServer) -> None:
    stall = server.stall()
    waiting = await kubectl.start("get", "--raw", stall.stream_path)
    assert waiting.stdout is not None
    async with asyncio.timeout(cli.TIMEOUT_S):
        assert await waiting.stdout.readline() == b"before\n"
    await stall.release()
    assert (await cli.finish(waiting)).stdout == "after\n"


async def test_stalled_write_happens_after_the_release(kubectl: Cli, server: ApiServer) -> None:
    stall = server.stall()
    waiting = await kubectl.start("create", "configmap", "late", "-n", stall.namespace)
    await stall.reached()
    await stall.release()
    assert (await cli.finish(waiting)).stdout == "configmap/late created\n"
    assert "late" in await kubectl.output("get", "configmaps", "-n", stall.namespace)


async def test_write_whose_client_left_does_not_happen(kubectl: Cli, server: ApiServer) -> None:
    stall = server.stall()
    waiting = await kubectl.start("create", "configmap", "late", "-n", stall.namespace)
    await stall.reached()
    await cli.kill(waiting)
    await stall.abandoned()
    await stall.release()
    assert await kubectl.output("get", "configmaps", "-n", stall.namespace) == ""


async def test_stall_that_nobody_reaches_times_out(server: ApiServer) -> None:
    with pytest.raises(TimeoutError, match="happened 0 times, not 1"):
        await server.stall().reached(timeout_s=0.01)


async def test_requests_are_counted_by_method_and_path(kubectl: Cli, server: ApiServer, name: str) -> None:
    for _ in range(2):
        await kubectl.output("get", "pods", "-n", name)
    assert (await server.requests())[f"GET /api/v1/namespaces/{name}/pods"] == 2


async def test_large_answer_has_the_size_that_was_asked_for(kubectl: Cli) -> None:
    assert len(await kubectl.output("get", "--raw", "/bytes/1000001")) == 1_000_001


def test_discovery_answers_clients_that_do_not_know_the_aggregated_form(client: httpx.Client) -> None:
    groups = client.get("/apis").json()
    assert (groups["kind"], "apps" in [group["name"] for group in groups["groups"]]) == ("APIGroupList", True)
    assert client.get("/apis/apps/v1").json()["groupVersion"] == "apps/v1"


def test_replacing_what_has_changed_since_is_a_conflict(client: httpx.Client, name: str) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    first = client.post(path, json={"metadata": {"name": name}}).json()
    assert client.put(f"{path}/{name}", json={**first, "data": {"a": "b"}}).status_code == 200
    refusal = client.put(f"{path}/{name}", json={**first, "data": {"a": "c"}})
    assert (refusal.status_code, refusal.json()["reason"]) == (409, "Conflict")


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"no magic", "application/vnd.kubernetes.protobuf", 400),
        (b"k8s\x00\x0a\x7f", "application/vnd.kubernetes.protobuf", 400),
        (b"k8s\x00\x0a\x05\x12\x03Job", "application/vnd.kubernetes.protobuf", 400),
    ],
    ids=["cut", "no object", "unknown type", "no envelope", "cut protobuf", "unknown kind"],
)
def test_unreadable_body_is_refused(client: httpx.Client, body: bytes, content_type: str, code: int) -> None:
    path, headers = "/api/v1/namespaces/default/configmaps", {"Content-Type": content_type}
    answer = client.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["kind"]) == (code, "Status")


def test_latency_is_added_to_every_request() -> None:
    with ApiServer.start(latency_ms=200) as slow:
        tls = ssl.create_default_context(cadata=slow.ca_pem.decode())
        answer = httpx.get(f"{slow.url}/livez", verify=tls, trust_env=False)
    assert (answer.status_code, answer.elapsed.total_seconds() >= 0.2) == (200, True)


@pytest.mark.skipif(sys.platform != "linux", reason="waits for the process by a pidfd")
def test_server_ends_with_the_process_that_started_it() -> None:
    killed = subprocess.run([sys.executable, "-c", STARTER], cwd=cli.PROJECT, stdout=subprocess.PIPE, check=False)
    assert killed.returncode == -signal.SIGKILL
    pid = int(killed.stdout)
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            assert select.select([descriptor], [], [], 10)[0]
        finally:
            os.close(descriptor)
    with suppress(ChildProcessError):  # it is ours where the test run adopts orphans
        os.waitpid(pid, 0)


def test_server_takes_its_files_with_it() -> None:
    with ApiServer.start() as running:
        directory = Path(running.kubeconfig_path).parent
        assert directory.is_dir()
    assert not directory.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_server_of_a_terminal_ends_cleanly_with_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.support.api_server", "--directory", str(tmp_path)]
    with subprocess.Popen(
        command, cwd=cli.PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        process.send_signal(number)
        assert process.communicate(timeout=cli.TIMEOUT_S) == (b"", b"")
    assert (process.returncode, announced["kubeconfig_path"]) == (0, str(tmp_path / "kubeconfig"))
