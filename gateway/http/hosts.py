"""Checks Host and Origin on every route: a web page must not reach a gateway on somebody's machine.

DNS rebinding needs a name that the attacker controls, so IP addresses and localhost are taken as Host, and any other
name only where the operator lists it. An Origin must be such a listed name, or this machine when the request itself
came to this machine.
"""

import ipaddress
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import parts
from gateway.http import problems
from gateway.intake.default_kubeconfig import is_loopback
from shared.errors import ErrorCode, RequestError
from shared.settings import GatewaySettings

AUTHORITY = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]*)?", re.IGNORECASE)
"""Host and port and nothing else: whatever a URL parser would have to make something of is foreign."""
WEB_ORIGIN = re.compile(r"https?://(?P<authority>.*)", re.IGNORECASE)


class HostCheck:
    """ASGI middleware: 403 for a foreign Host or Origin, and for a connection from where none is expected."""

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
    """`RequestError` for a connection from another machine to a gateway that is for this one alone.

    The address that the connection came in on counts: what `host` says another server, such as uvicorn itself, need
    not have listened on. A socket in the file system has no port.
    """
    if server is None or server[1] is None or is_loopback(server[0]):
        return
    if not settings.allow_anonymous:
        raise RequestError(
            ErrorCode.HOST_REFUSED,
            "This gateway authenticates nobody and so serves its own machine only; the operator sets "
            "K8S_MCP_ALLOW_ANONYMOUS=true if something in front of it checks callers.",
        )
    if settings.default_kubeconfig_file is not None:
        raise RequestError(
            ErrorCode.HOST_REFUSED,
            "This gateway lends a kubeconfig to its callers and so serves its own machine only; the operator unsets "
            "K8S_MCP_DEFAULT_KUBECONFIG_FILE to serve others.",
        )


def check(headers: Headers, allowed: frozenset[str]) -> None:
    """`RequestError` for a Host or Origin that does not belong here."""
    host = host_name(headers.get("host", ""))
    if host is None or not (host in allowed or _is_address(host) or _is_local(host)):
        raise RequestError(
            ErrorCode.HOST_REFUSED,
            "The Host header names a host that this gateway does not serve; the operator lists its names in "
            "K8S_MCP_ALLOWED_HOSTS.",
        )
    origin = headers.get("origin")
    if origin is not None and not _is_welcome(_origin_name(origin), host, allowed):
        raise RequestError(
            ErrorCode.ORIGIN_REFUSED,
            "Web pages of that origin may not call this gateway; the operator lists names in K8S_MCP_ALLOWED_HOSTS.",
        )


def host_name(authority: str) -> str | None:
    """The host in lower case without port, brackets and final dot; None if that is not all there is."""
    match = AUTHORITY.fullmatch(authority)
    return (match["ipv6"] or match["name"]).lower().removesuffix(".") if match else None


def _origin_name(origin: str) -> str | None:
    match = WEB_ORIGIN.fullmatch(origin)
    return host_name(match["authority"]) if match else None


def _is_welcome(origin: str | None, host: str, allowed: frozenset[str]) -> bool:
    if origin is None:
        return False
    return origin in allowed or (_is_local(origin) and _is_local(host))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
