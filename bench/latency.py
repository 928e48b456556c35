"""Measures how long a caller waits, compared with the bare CLI, and with a program that does nothing."""

import os
import shutil
from pathlib import Path

from bench import clients
from bench.clients import Mcp, Rest
from bench.table import Row
from bench.timing import in_turn
from tests.support.api_server.handle import ApiServer
from tests.support.product import PROJECT

RUNS = 100
NOOP_BUDGET_MS = 6
PROXY_BUDGET_MS = 3


def rows(port: int, api_server: ApiServer, directory: Path) -> list[Row]:
    """Returns the latency rows."""
    return [*_version(port), *_noop(port, directory), *_get(port, api_server, directory)]


def _version(port: int) -> list[Row]:
    command = [program("kubectl"), "version", "--client"]
    timings = in_turn(
        {"bare": clients.bare(command, _home()), "rest": Rest(port).tool("kubectl", "version --client")}, runs=RUNS
    )
    bare, rest = timings["bare"], timings["rest"]
    return [
        ratio_row("`kubectl version --client`, REST submit-and-wait, p50", rest.p50, bare.p50, budget=1.00),
        ratio_row("the same, p95", rest.p95, bare.p95, budget=1.15),
    ]


def _noop(port: int, directory: Path) -> list[Row]:
    timings = in_turn(
        {
            "bare": clients.bare([str(directory / "bin" / "noop")], {}),
            "rest": Rest(port).tool("noop", "read"),
            "mcp": Mcp(port).tool("noop", "read"),
        },
        runs=RUNS,
    )
    bare, rest, mcp = timings["bare"], timings["rest"], timings["mcp"]
    return [
        added_row("a CLI that costs nothing, REST, added to the bare CLI, p50", rest.p50 - bare.p50, NOOP_BUDGET_MS),
        added_row("the same, p95", rest.p95 - bare.p95, 12),
        added_row("MCP, added to REST, p50", mcp.p50 - rest.p50, 3),
        added_row("the same, p95", mcp.p95 - rest.p95, 5),
    ]


def _get(port: int, api_server: ApiServer, directory: Path) -> list[Row]:
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(api_server.kubeconfig())
    command = [program("kubectl"), "get", "pods"]
    get = Rest(port).tool("kubectl", "get pods", api_server.kubeconfig())

    bare = clients.bare(command, {"HOME": str(directory / "home"), "KUBECONFIG": str(kubeconfig)})
    timings = in_turn({"bare": bare, "rest": get}, runs=RUNS)
    what = "`kubectl get pods`, added to the bare CLI, both knowing the server from an earlier one, p50"
    return [added_row(what, timings["rest"].p50 - timings["bare"].p50, NOOP_BUDGET_MS + PROXY_BUDGET_MS)]


def ratio_row(what: str, ours_ms: float, bare_ms: float, *, budget: float) -> Row:
    """Returns a row for a duration as a multiple of the bare CLI's."""
    ratio = ours_ms / bare_ms
    measured = f"{ratio:.2f} × ({ours_ms:.1f} / {bare_ms:.1f} ms)"
    return Row(what, f"≤ {budget:.2f} ×", measured, ratio <= budget)


def added_row(what: str, added_ms: float, budget_ms: float) -> Row:
    """Returns a row for added milliseconds."""
    return Row(what, f"≤ {budget_ms:g} ms", f"{added_ms:.1f} ms", added_ms <= budget_ms)


def _home() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


def program(name: str) -> str:
    """Returns the path of a CLI. Raises RuntimeError if it is missing."""
    found = shutil.which(name, path=os.pathsep.join((os.environ["PATH"], str(PROJECT / ".tools" / "bin"))))
    if found is None:
        raise RuntimeError(f"{name} is missing; run: make tools")
    return found
