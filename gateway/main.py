"""Runs a gateway with uvicorn: `mcp-k8s gateway`."""

import asyncio
import socket
import sys

import uvicorn

from gateway.app import create_app
from gateway.http.joined_writes import JoinedProtocol
from gateway.intake.default_kubeconfig import load_default_kubeconfig
from gateway.policy import active
from shared import logs
from shared.network import endpoints
from shared.redis import supported
from shared.settings import BAD_SETTINGS_EXIT_CODE, GatewaySettings, SettingsError

FAILED_EXIT_CODE = 1
KEEP_ALIVE_S = 75
"""Longer than clients and proxies keep idle connections. If the gateway closed one first, a POST could arrive at that
moment, and its client would not know whether it was received."""
BACKLOG = 2_048
"""Largest number of connections that wait to be accepted; uvicorn's own default."""


def main() -> None:
    """Serves until SIGTERM or SIGINT. Exits with 78 if a setting is not valid or Redis is one that cannot be used."""
    try:
        settings = GatewaySettings.load()
        _check_exposure(settings)
        load_default_kubeconfig(settings)
        active.load(settings)
        asyncio.run(supported.require(settings.redis_address()))
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(BAD_SETTINGS_EXIT_CODE)
    logs.configure(settings.log_level)
    try:
        listener = _listener(settings)
    except OSError as error:
        print(
            f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}; "
            "set another host or port with K8S_MCP_HOST and K8S_MCP_PORT",
            file=sys.stderr,
        )
        sys.exit(FAILED_EXIT_CODE)
    server = uvicorn.Server(config(settings))
    server.run(sockets=[listener])
    if not server.started:
        sys.exit(FAILED_EXIT_CODE)


def _listener(settings: GatewaySettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)


def config(settings: GatewaySettings) -> uvicorn.Config:
    """Returns uvicorn's configuration. Its logs are off, because the gateway writes its own."""
    return uvicorn.Config(
        create_app(settings),
        http=JoinedProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(settings.gateway_drain_timeout_s),
    )


def _check_exposure(settings: GatewaySettings) -> None:
    if not endpoints.is_loopback(settings.host) and not settings.allow_anonymous:
        raise SettingsError(
            f"K8S_MCP_HOST is {settings.host}, so other machines can reach this gateway, which does not authenticate "
            "callers: set 127.0.0.1, or K8S_MCP_ALLOW_ANONYMOUS=true if a proxy in front of it checks callers"
        )


if __name__ == "__main__":
    main()
