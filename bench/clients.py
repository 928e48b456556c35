"""The callers that are measured: the bare CLI, REST and MCP. Each adds as little cost of its own as possible."""

import base64
import http.client
import json
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from tests.support import stub

PROTOCOL_VERSION = "2026-07-28"
Call = Callable[[], None]


def bare(command: Sequence[str], environment: dict[str, str]) -> Call:
    """Starts the CLI as a shell would, and reads its output."""

    def call() -> None:
        subprocess.run(command, env=environment, capture_output=True, check=True)

    return call


def kubeconfig_header(kubeconfig: str) -> dict[str, str]:
    """Returns the header as callers send it."""
    return {"X-Kubeconfig": base64.b64encode(kubeconfig.encode()).decode()}


class Rest:
    """One kept-alive connection to a gateway."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def request(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Any:
        """Returns the answer's JSON. Raises RuntimeError unless its status is 2xx."""
        payload = None if body is None else json.dumps(body)
        self._connection.request(method, path, payload, {"Content-Type": "application/json", **(headers or {})})
        response = self._connection.getresponse()
        text = response.read()
        if response.status // 100 != 2:
            raise RuntimeError(f"{method} {path}: {response.status} {text[:500]!r}")
        return json.loads(text)

    def tool(self, name: str, command: str, kubeconfig: str = stub.KUBECONFIG) -> Call:
        """Submits the command and waits for its end."""
        headers = kubeconfig_header(kubeconfig)

        def call() -> None:
            response = self.request("POST", f"/tools/{name}", {"command": command}, headers=headers)
            if not response["success"]:
                raise RuntimeError(f"{name} {command}: {response}")

        return call


class Mcp:
    """The same tools through MCP's stateless revision, without an SDK: one POST for each call."""

    def __init__(self, port: int) -> None:
        self._rest = Rest(port)

    def tool(self, name: str, command: str) -> Call:
        """Calls the tool and waits for its result."""
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": PROTOCOL_VERSION,
            "Mcp-Method": "tools/call",
            "Mcp-Name": name,
            **kubeconfig_header(stub.KUBECONFIG),
        }
        meta = {
            "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        params = {"name": name, "arguments": {"command": command}, "_meta": meta}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}

        def call() -> None:
            answer = self._rest.request("POST", "/mcp", body, headers=headers)
            if answer.get("error") or answer["result"]["isError"]:
                raise RuntimeError(f"{name} {command}: {answer}")

        return call
