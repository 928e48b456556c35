"""The configurations of docs/clients.md, each used as its client would use it, where that can be had here."""

import json
import os
import re
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from packaging.requirements import Requirement

from tests.integration.mcp import node
from tests.integration.mcp.node import INSPECTOR
from tests.support import cli, readme
from tests.support.api_server import ApiServer
from tests.support.mcp_caller import call

PAGE = Path("docs/clients.md")
TIMEOUT_S = 60
COMMANDS = Path(sys.executable).parent
"""Where `mcp-k8s` is installed."""
PODS = "pod/web-1\npod/web-2\n"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def environment(api_server: ApiServer, tmp_path: Path) -> dict[str, str]:
    """A user's: the cluster is the current context of ~/.kube/config, and another context of it is `staging`."""
    (tmp_path / ".kube").mkdir()
    text = api_server.kubeconfig(contexts={"staging": "default"})
    (tmp_path / ".kube" / "config").write_text(text)
    path = os.pathsep.join((str(COMMANDS), str(cli.find("kubectl").parent), os.environ["PATH"]))
    return {"PATH": path, "HOME": str(tmp_path)}


def configurations(key: str) -> list[dict[str, Any]]:
    """The servers of all JSON blocks that have such a field."""
    documents = [json.loads(block) for block in readme.blocks("json", PAGE)]
    servers = [(document.get("mcpServers") or document["servers"])["k8s"] for document in documents]
    return [server for server in servers if key in server]


def test_each_configuration_is_of_a_known_kind() -> None:
    kinds = ("command", "url")

    assert len(readme.blocks("json", PAGE)) == sum(len(configurations(kind)) for kind in kinds) == 6
    assert {server["url"] for server in configurations("url")} == {f"{readme.DOCUMENTED_URL}/mcp"}


@pytest.mark.parametrize("server", configurations("command"), ids=["most clients", "VS Code", "with options"])
async def test_stdio_server_answers(server: dict[str, Any], url: str, environment: dict[str, str]) -> None:
    arguments = [url if argument == readme.DOCUMENTED_URL else argument for argument in server["args"]]
    if url not in arguments:
        arguments += ["--url", url]  # what it starts without one has tests of its own
    assert server["command"] == "mcp-k8s"
    parameters = StdioServerParameters(
        command=str(COMMANDS / "mcp-k8s"), args=arguments, env={**environment, **server.get("env", {})}
    )
    async with Client(stdio_client(parameters)) as client:
        assert (await call(client, "kubectl", command="get pods -o name")).output == PODS


def test_headers_helper_prints_headers_that_work(url: str, environment: dict[str, str]) -> None:
    [server] = configurations("headersHelper")
    answer = run(shlex.split(server["headersHelper"]), environment)

    assert output_with(json.loads(answer), url) == PODS


def test_header_is_what_the_command_prints(url: str, environment: dict[str, str]) -> None:
    value = run(["mcp-k8s", "kubeconfig"], environment).strip()

    assert output_with({"X-Kubeconfig": value}, url) == PODS
    named = [server["headers"].keys() for server in configurations("headers")]
    assert named == [{"X-Kubeconfig"}] * 2


def test_curl_answers(url: str, environment: dict[str, str]) -> None:
    [block] = [block for block in readme.blocks("sh", PAGE) if block.startswith("curl")]
    answer = run(["bash", "-euo", "pipefail", "-c", block.replace(readme.DOCUMENTED_URL, url)], environment)

    assert "web-1" in json.loads(answer)["output"]


@pytest.mark.parametrize("block", readme.blocks("python", PAGE), ids=["bridge", "HTTP"])
def test_python_program_runs(block: str, url: str, environment: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    # What the bridge starts without an address has tests of its own.
    with_address = block.replace('["mcp-stdio"]', f'["mcp-stdio", "--url", "{url}"]')
    program.write_text(with_address.replace(readme.DOCUMENTED_URL, url))

    assert "web-1" in run([sys.executable, str(program)], environment)


def test_what_shall_be_installed_is_what_the_programs_import() -> None:
    [line] = re.findall(r"`pip install ([^`]+)`", PAGE.read_text())
    requirements = [Requirement(word) for word in shlex.split(line)]
    imported = set(re.findall(r"^(?:import|from) (\w+)", "\n".join(readme.blocks("python", PAGE)), re.MULTILINE))
    [package] = re.findall(r"`npm install ([^`]+)`", PAGE.read_text())

    assert {requirement.name for requirement in requirements} == imported - sys.stdlib_module_names
    assert all(requirement.specifier.contains(metadata.version(requirement.name)) for requirement in requirements)
    assert all(f'from "{package}/' in block for block in readme.blocks("js", PAGE))


def test_typescript_program_runs(url: str, environment: dict[str, str], tmp_path: Path) -> None:
    clients = node.find()
    [block] = readme.blocks("js", PAGE)
    program = tmp_path / "program.mjs"
    program.write_text(block.replace(readme.DOCUMENTED_URL, url))
    (tmp_path / "node_modules").symlink_to(clients.packages)

    assert "web-1" in run([str(clients.interpreter), str(program)], environment)


def test_inspector_lists_the_tools_through_the_bridge(url: str, environment: dict[str, str]) -> None:
    clients = node.find()
    [block] = [block for block in readme.blocks("sh", PAGE) if block.startswith("npx")]
    npx, package, *arguments = shlex.split(block)
    assert (npx, package) == ("npx", "@modelcontextprotocol/inspector")
    settings = {**environment, "K8S_MCP_URL": url}

    listed = json.loads(run([str(clients.interpreter), str(clients.packages / INSPECTOR), *arguments], settings))

    assert "kubectl" in [tool["name"] for tool in listed["tools"]]


def output_with(headers: dict[str, str], url: str) -> str:
    body = {"command": "get pods -o name"}
    answer = httpx.post(f"{url}/tools/kubectl", json=body, headers=headers, timeout=TIMEOUT_S).json()
    return str(answer["output"])


def run(command: list[str], environment: dict[str, str]) -> str:
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout
