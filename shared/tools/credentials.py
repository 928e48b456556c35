"""The channel for credentials that a tool may have beside the kubeconfig: request headers that become variables."""

from collections.abc import Mapping

from shared.errors import ErrorCode, RequestError
from shared.network import endpoints
from shared.network.endpoints import Endpoint
from shared.tools.tool import Tool


def from_headers(tool: Tool, headers: Mapping[str, str]) -> dict[str, str]:
    """Environment variable → value. `RequestError` for a value that is none; header names are in lower case."""
    found = {variable: headers.get(header, "") for header, variable in tool.credential_headers.items()}
    credentials = {variable: value for variable, value in found.items() if value}
    if not all(value.isprintable() and value.isascii() for value in credentials.values()):
        raise _invalid("A credential header holds something else than printable ASCII characters.")
    return credentials


def server(tool: Tool, credentials: Mapping[str, str], *, allow_loopback: bool) -> Endpoint | None:
    """The tool's own server; None where the request names none. `RequestError` if nothing may connect there."""
    named = credentials.get(tool.server_variable or "")
    if not named:
        return None
    endpoint = None if "/" in named else endpoints.parse(f"https://{named}")
    if endpoint is None:
        raise _invalid(f"{_header(tool)} is no server: send a host, and its port unless that is 443.")
    why = endpoints.refusal(endpoint, allow_loopback=allow_loopback)
    if why is not None:
        raise _invalid(f"{_header(tool)} {why}.")
    return endpoint


def _header(tool: Tool) -> str:
    return next(name for name, variable in tool.credential_headers.items() if variable == tool.server_variable).title()


def _invalid(detail: str) -> RequestError:
    return RequestError(ErrorCode.CREDENTIALS_INVALID, detail)
