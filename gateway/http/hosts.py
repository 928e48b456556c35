"""Checks Host and Origin on every route, so that a web page cannot call a gateway on the user's machine.

DNS rebinding needs a name that the attacker controls. Host may therefore be an IP address, localhost, or a name that
the operator lists. Origin must be such a listed name. It may also be this machine if Host is this machine too.
"""

import ipaddress
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import parts
from gateway.http import problems
from shared.errors import ErrorCode, RequestError
from shared.network import endpoints
from shared.settings import GatewaySettings

AUTHORITY = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]*)?", re.IGNORECASE)
"""A host with an optional port. Any other text is refused: URL parsers may read it in different ways."""
WEB_ORIGIN = re.compile(r"https?://(?P<authority>.*)", re.IGNORECASE)


class HostCheck:
    """ASGI middleware: answers 403 for a Host, Origin or connection that the gateway does not serve."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            settings = parts.of(scope).settings
            try:
                check_exposure(scope.get("server"), settings)
                check(Headers(scope=scope), settings.allowed_host_names)
            except RequestError as error:
                await problems.response(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def check_exposure(server: tuple[str, int | None] | None, settings: GatewaySettings) -> None:
    """Raises `RequestError` for a connection from another machine to a gateway that serves only its own machine.

    The local address of the connection decides, not the setting `host`: uvicorn may have been started with another
    address. A Unix socket has no port and is always accepted.
    """
    if server is None or server[1] is None or endpoints.is_loopback(server[0]):
        return
    if not settings.allow_anonymous:
        raise RequestError(
            ErrorCode.HOST_REFUSED,
            "This gateway does not authenticate callers, so it serves only its own machine. If a proxy in front of it "
            "checks callers, the operator sets K8S_MCP_ALLOW_ANONYMOUS=true.",
        )
    if settings.default_kubeconfig_file is not None:
        raise RequestError(
            ErrorCode.HOST_REFUSED,
            "This gateway lends a kubeconfig to its callers, so it serves only its own machine. To serve others, the "
            "operator unsets K8S_MCP_DEFAULT_KUBECONFIG_FILE.",
        )


def check(headers: Headers, allowed: frozenset[str]) -> None:
    """Raises `RequestError` for a Host or Origin that the gateway does not serve."""
    host = host_name(headers.get("host", ""))
    if host is None or not (host in allowed or _is_address(host) or endpoints.is_loopback(host)):
        raise RequestError(
            ErrorCode.HOST_REFUSED,
            "The Host header names a host that this gateway does not serve. The operator lists the gateway's names in "
            "K8S_MCP_ALLOWED_HOSTS.",
        )
    origin = headers.get("origin")
    if origin is not None and not _is_welcome(_origin_name(origin), host, allowed):
        raise RequestError(
            ErrorCode.ORIGIN_REFUSED,
            "Web pages of this origin may not call this gateway. The operator lists names in K8S_MCP_ALLOWED_HOSTS.",
        )


def host_name(authority: str) -> str | None:
    """Returns the host in lower case, without port, brackets and final dot; None if the text is not host and port."""
    match = AUTHORITY.fullmatch(authority)
    return (match["ipv6"] or match["name"]).lower().removesuffix(".") if match else None


def _origin_name(origin: str) -> str | None:
    match = WEB_ORIGIN.fullmatch(origin)
    return host_name(match["authority"]) if match else None


def _is_welcome(origin: str | None, host: str, allowed: frozenset[str]) -> bool:
    if origin is None:
        return False
    return origin in allowed or (endpoints.is_loopback(origin) and endpoints.is_loopback(host))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
