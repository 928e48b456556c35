"""No process of the four real CLIs holds a credential of its caller while it works for them."""

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.integration.end_to_end.system import System, needs_landlock, needs_proc, start
from tests.support import process_contents
from tests.support.api_server import ApiServer
from tests.support.caller import caller_of
from tests.support.product import Product
from tests.support.valkey import long_lived

COMMANDS = {
    "kubectl": "get pods",
    "helm": "list",
    "istioctl": "proxy-config routes web.{namespace}",
}
CORE = ("argocd", "app list --core")
"""Without a server, argocd reaches the cluster itself."""
START_TIMEOUT_S = 60

pytestmark = [needs_proc, needs_landlock]


@pytest.fixture(scope="module")
def stalling_server() -> Iterator[ApiServer]:
    """An API server that leaves requests unanswered where a test says so."""
    with ApiServer.long_lived() as server:
        yield server


@pytest.fixture(scope="module")
def own_system(cli_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose requests nobody compares with the real API server's audit log."""
    settings = {"K8S_MCP_TOOLS_DIRECTORY": str(cli_directory)}
    with long_lived() as valkey, Product(valkey.url, tmp_path_factory.mktemp("own"), settings=settings) as product:
        yield start(product, gateways=1, workers=1)


def kubeconfig_in(namespace: str, server: ApiServer, *, password: str) -> str:
    """A token, and a password that the server does not look at."""
    document = yaml.safe_load(server.kubeconfig())
    for each in document["contexts"]:
        each["context"]["namespace"] = namespace
    for each in document["users"]:
        each["user"] |= {"username": "tester", "password": password}
    return json.dumps(document)


@pytest.mark.parametrize(("tool", "command"), [*COMMANDS.items(), CORE])
async def test_running_command_holds_no_credential(
    tool: str, command: str, own_system: System, stalling_server: ApiServer
) -> None:
    stall = stalling_server.stall()
    password = secrets.token_hex(16)
    kubeconfig = kubeconfig_in(stall.namespace, stalling_server, password=password)
    async with caller_of(own_system.url, kubeconfig) as caller:
        job_id = await caller.submit(tool, command.format(namespace=stall.namespace))
        try:
            await stall.reached(timeout_s=START_TIMEOUT_S)
            pid = await process_contents.running(
                tool, [process.pid for process in own_system.product.processes], timeout_s=START_TIMEOUT_S
            )
            held = process_contents.found_in(pid, secrets_of(stalling_server, password))
            assert held == {}
        finally:
            await caller.cancel(job_id)
            await stall.release()


def secrets_of(server: ApiServer, password: str) -> Mapping[str, None]:
    """Also as HTTP's Basic scheme has them."""
    basic = base64.b64encode(f"tester:{password}".encode()).decode()
    return dict.fromkeys((server.token, password, basic))


async def test_local_command_gets_neither_a_credential_nor_a_pass(
    own_system: System, stalling_server: ApiServer
) -> None:
    async with caller_of(own_system.url, stalling_server.kubeconfig()) as caller:
        printed = await caller.output("kubectl", "config view -o json")
    shown = json.loads(printed)
    assert shown["clusters"][0]["cluster"]["server"] == stalling_server.url
    assert shown["users"][0]["user"] == {}
    assert stalling_server.token not in printed
