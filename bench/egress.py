"""Measures the time that the worker's proxy adds to a `get` of the bare CLI with a warm cache."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench import background, clients
from bench.latency import PROXY_BUDGET_MS, RUNS, added_row, program
from bench.table import Row
from bench.timing import in_turn
from shared import logs
from shared.kubeconfig import cluster_access
from shared.models import JobId
from tests.support import egress
from tests.support.api_server.handle import ApiServer


def rows(api_server: ApiServer, directory: Path) -> list[Row]:
    """Returns the proxy's row."""
    logs.configure("warning")
    command = [program("kubectl"), "get", "pods"]
    with background.entered(_proxy(), name="proxy") as url:
        calls = {
            name: clients.bare(command, _environment(directory / name, api_server, proxy_url=proxy_url))
            for name, proxy_url in (("direct", None), ("proxied", url))
        }
        timings = in_turn(calls, runs=RUNS)
    added_ms = timings["proxied"].p50 - timings["direct"].p50
    return [added_row("the proxy's part in a `kubectl get pods`, p50", added_ms, PROXY_BUDGET_MS)]


def _environment(home: Path, api_server: ApiServer, *, proxy_url: str | None) -> dict[str, str]:
    home.mkdir()
    access = cluster_access.rebuild(api_server.kubeconfig(), context=None, allow_loopback=True, proxy_url=proxy_url)
    path = home / "kubeconfig"
    path.write_text(access.kubeconfig)
    return {"HOME": str(home), "KUBECONFIG": str(path)}


@asynccontextmanager
async def _proxy() -> AsyncIterator[str]:
    """Yields the URL of a proxy like a worker's."""
    async with egress.proxy(egress.dialer()) as proxy, proxy.admit(JobId("0" * 48)) as access:
        yield access.url
