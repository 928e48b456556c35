"""Counts the requests to the API server of a caller's second `get`."""

from bench.clients import Rest
from bench.table import Row
from tests.support.api_server.handle import ApiServer

WHAT = "second `kubectl get pods` of a caller: requests to the API server"


async def row(port: int, api_server: ApiServer) -> Row:
    """Measures with a new caller, so that nothing is cached before its first `get`."""
    get = Rest(port).tool("kubectl", "get pods", api_server.kubeconfig(token=f"{api_server.token}.second-get"))
    get()
    before = sum((await api_server.requests()).values())
    get()
    asked = sum((await api_server.requests()).values()) - before
    return Row(WHAT, "1", str(asked), asked == 1)
