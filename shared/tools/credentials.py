"""Reads a tool's credentials besides the kubeconfig: request headers that become environment variables."""

from collections.abc import Mapping

from shared.errors import ErrorCode, RequestError
from shared.network import endpoints
from shared.network.endpoints import Endpoint
from shared.tools.tool import Tool


def from_headers(tool: Tool, headers: Mapping[str, str]) -> dict[str, str]:
    """Returns environment variable → value. Header names are in lower case. Raises RequestError for a bad value."""
    found = {variable: headers.get(header, "") for header, variable in tool.credential_headers.items()}
    credentials = {variable: value for variable, value in found.items() if value}
    if not all(value.isprintable() and value.isascii() for value in credentials.values()):
        raise _invalid("A credential header contains characters that are not printable ASCII.")
    return credentials


def server(tool: Tool, credentials: Mapping[str, str], *, allow_loopback: bool) -> Endpoint | None:
    """Returns the tool's own server, or None if the request names none. Raises RequestError if it is not allowed."""
    named = credentials.get(tool.server_variable or "")
    if not named:
        return None
    endpoint = None if "/" in named else endpoints.parse(f"https://{named}")
    if endpoint is None:
        raise _invalid(f"{_header(tool)} is not a valid server: send a host, and its port unless the port is 443.")
    why = endpoints.refusal(endpoint, allow_loopback=allow_loopback)
    if why is not None:
        raise _invalid(f"{_header(tool)} {why}.")
    return endpoint


def _header(tool: Tool) -> str:
    return next(name for name, variable in tool.credential_headers.items() if variable == tool.server_variable).title()


def _invalid(detail: str) -> RequestError:
    return RequestError(ErrorCode.CREDENTIALS_INVALID, detail)
