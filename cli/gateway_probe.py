"""Asks a gateway on this machine for its health, over HTTP and without a client library."""

import asyncio
import http.client
import ipaddress
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

ANSWER_TIMEOUT_S = 2.0
MAX_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """The address on which a gateway listens."""

    host: str
    port: int

    @property
    def reachable_host(self) -> str:
        """Host to connect to: the loopback address if the gateway listens on all interfaces."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return self.host
        if not address.is_unspecified:
            return self.host
        return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004

    @property
    def url(self) -> str:
        host = self.reachable_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def get(address: GatewayAddress, path: str) -> Any:
    """Returns the JSON of an answer with status 200; None if there is no such answer within two seconds."""
    connection = http.client.HTTPConnection(address.reachable_host, address.port, timeout=ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{address.port}"})
        answer = connection.getresponse()
        body = answer.read(MAX_ANSWER_BYTES)
        return json.loads(body) if answer.status == HTTPStatus.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def is_ours(address: GatewayAddress) -> bool:
    """Returns whether an mcp-k8s gateway answers at the address, and not another server."""
    health = get(address, "/health")
    return isinstance(health, dict) and health.get("status") == "healthy" and "version" in health


async def is_ready(address: GatewayAddress) -> bool:
    """Returns whether the gateway can take jobs."""
    return await asyncio.to_thread(get, address, "/readyz") is not None


async def tools(address: GatewayAddress) -> dict[str, str] | None:
    """Returns tool → version for the tools of live workers; None if no live worker has a tool."""
    answer = await asyncio.to_thread(get, address, "/tools/status")
    if not isinstance(answer, dict):
        return None
    found = {name: status["version"] or "unknown" for name, status in answer.items() if status["available"]}
    return found or None
