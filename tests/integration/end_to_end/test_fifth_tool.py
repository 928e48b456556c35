"""A further tool is one folder and one line: a product whose `shared` gets both has the tool wherever tools are."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.end_to_end.system import System, start
from tests.support import static_elf, stub
from tests.support.caller import Caller, caller_of
from tests.support.mcp_caller import call, mcp_client
from tests.support.product import PROJECT, Product
from tests.support.valkey import long_lived

COPIED = ("docs", "shared", "tools", "tests/e2e/tools")
"""What changes, or finds what has changed by its own place; the other packages are as they are."""
DEFINITION = """
from shared.models import CommandClass
from shared.tools import table
from shared.tools.tool import Grammar, Tool

TOOL = Tool(
    name="fifth",
    summary="Does nothing, at once.",
    examples=("get",),
    grammar=Grammar(
        table=table.load("fifth"),
        refused_flags={},
        classes=dict.fromkeys(("get", "version"), CommandClass.LOCAL),
        refused_verbs={},
    ),
    version_arguments=("version",),
    version_pattern="(.+)",
    install_hint="a test brings it",
    credential_headers={"x-fifth-token": "FIFTH_TOKEN"},
)
"""
TABLE = """\
{
  "version": "5.0",
  "global": [],
  "verbs": {
    "get": {"flags": []},
    "version": {"flags": []}
  }
}
"""
FOLDER = {
    "__init__.py": "",
    "definition.py": DEFINITION,
    "table.json": TABLE,
    "secrets.md": "| `fifth` | has no Secrets |\n",
    "pins.toml": 'version = "5.0"\nurl = "https://fifth.test/fifth"\n',
}
ABOUT_TOOLS = (
    "cli/up/test_banner.py",
    "gateway/mcp/test_tools.py",
    "shared/tools/test_failure_hints.py",
    "shared/tools/test_table.py",
    "shared/tools/test_tools.py",
    "tools/test_cli_pins.py",
    "tools/test_fetch_cli.py",
    "test_tools_are_listed_once.py",
)
UNFINISHED = shutil.ignore_patterns("*.pyc.*")
"""Byte code that another process is just writing; what is finished goes along, for to compile it all takes seconds."""
LINES = re.compile(r"^(NAMES = \((?:\n    \"\w+\",)+)", re.MULTILINE)

pytestmark = pytest.mark.skipif(not static_elf.IS_POSSIBLE, reason="there is no tiny static program for this machine")


@dataclass(frozen=True)
class Copy:
    """The product with one tool more, as a folder that comes before its own, and as running processes."""

    folder: Path
    system: System

    def python(self, *arguments: str) -> str:
        """What `python -m …` prints in it."""
        environment = {**os.environ, "PYTHONPATH": search_path(self.folder), "TERM": "dumb", "COLUMNS": "200"}
        argv = [sys.executable, "-P", "-m", *arguments]
        done = subprocess.run(argv, env=environment, cwd=self.folder, capture_output=True, text=True, check=False)
        return done.stdout


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """A gateway and a worker of it, which no test stops."""
    folder, own = tmp_path_factory.mktemp("copied"), tmp_path_factory.mktemp("system")
    for name in COPIED:
        shutil.copytree(PROJECT / name, folder / name, ignore=UNFINISHED)
    add_a_folder(folder / "shared" / "tools" / "fifth")
    add_a_line(folder / "shared" / "tools" / "registry.py")
    static_elf.write(stub.install(own) / "fifth")
    settings = {"PYTHONPATH": search_path(folder), "PYTHONSAFEPATH": "1"}
    with long_lived() as valkey, Product(valkey.url, own, entry="cli.main", settings=settings) as product:
        yield Copy(folder, start(product, gateways=1, workers=1))


def search_path(folder: Path) -> str:
    return os.pathsep.join((str(folder), str(PROJECT)))


def add_a_folder(path: Path) -> None:
    path.mkdir()
    for name, text in FOLDER.items():
        (path / name).write_text(text)


def add_a_line(registry: Path) -> None:
    text, lines = LINES.subn(r'\1\n    "fifth",', registry.read_text())
    assert lines == 1
    registry.write_text(text)


@pytest.fixture
async def fifth_caller(copied: Copy) -> AsyncIterator[Caller]:
    async with caller_of(copied.system.url, stub.KUBECONFIG) as caller:
        yield caller


async def test_command_runs_by_rest_and_by_mcp(copied: Copy, fifth_caller: Caller) -> None:
    assert (await fifth_caller.run("fifth", "get")).success
    async with mcp_client(copied.system.url) as client:
        tools = (await client.list_tools()).tools
        assert (await call(client, "fifth", command="get")).success

    [described] = [tool.description for tool in tools if tool.name == "fifth"]
    assert "Does nothing, at once." in (described or "")


async def test_openapi_and_status_have_it(fifth_caller: Caller) -> None:
    document = (await fifth_caller.http.get("/openapi.json")).json()
    status = (await fifth_caller.http.get("/tools/status")).json()

    assert document["paths"]["/tools/fifth"]["post"]["summary"] == "Does nothing, at once."
    assert document["components"]["schemas"]["JobRequest"]["properties"]["tool"]["description"].endswith("or fifth.")
    assert document["info"]["description"].count("and fifth") == 1
    assert status["fifth"] == {"available": True, "version": "unknown", "workers": 1}


async def test_metrics_count_it_by_its_name(fifth_caller: Caller) -> None:
    await fifth_caller.run("fifth", "get")

    metrics = (await fifth_caller.http.get("/metrics")).text
    assert 'mcp_k8s_jobs_submitted_total{command_class="local",tool="fifth"}' in metrics


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("cli.main", "--help"), r"and fifth over MCP and REST"),
        (("cli.main", "run", "--help"), r"or fifth\."),
        (("cli.main", "doctor"), r"(?m)^fifth +missing +not found; a test brings it$"),
        (("cli.main", "policy", "table"), r"(?m)^fifth get: local$"),
        (("cli.main", "policy", "explain", "fifth get"), r"verb +fifth get"),
    ],
    ids=["help", "run", "doctor", "table", "explain"],
)
def test_command_line_has_it(copied: Copy, arguments: tuple[str, ...], says: str) -> None:
    assert re.search(says, copied.python(*arguments))


def test_unit_tests_hold_with_it(copied: Copy) -> None:
    """Those that go through all tools and need no more of a tool than its folder. None may know how many there are."""
    arguments = ("-n", "0", "-v", "-p", "no:cacheprovider", "--override-ini=pythonpath=")
    said = copied.python("pytest", *arguments, *(str(PROJECT / "tests" / "unit" / path) for path in ABOUT_TOOLS))
    assert re.search(r" \d+ passed(?!.*(error|failed))", said), said
    assert "[fifth]" in said  # as a parameter: these tests have seen it


def test_generated_docs_have_it(copied: Copy) -> None:
    copied.python("tools.tool_tables")

    clients, security = (copied.folder / "docs" / name for name in ("clients.md", "security.md"))
    assert "| `fifth` | Does nothing, at once. | 5.0 | `X-Fifth-Token` (`FIFTH_TOKEN`) |" in clients.read_text()
    assert "| `fifth` | has no Secrets |" in security.read_text()
