"""The kubeconfig of requests that bring none: an operator's choice in as many words, and on loopback only."""

import ipaddress

from shared import kubeconfig
from shared.errors import RequestError
from shared.settings import GatewaySettings, SettingsError

VARIABLE = "K8S_MCP_DEFAULT_KUBECONFIG_FILE"


def load_default_kubeconfig(settings: GatewaySettings) -> str | None:
    """The file's text. `SettingsError` if it cannot be used, or if others than this machine could use it."""
    path = settings.default_kubeconfig_file
    if path is None:
        return None
    if not is_loopback(settings.host):
        raise SettingsError(f"{VARIABLE} lends one identity to every caller: K8S_MCP_HOST must be a loopback address")
    try:
        text = path.read_text()
        kubeconfig.rebuild(text, context=settings.default_context, allow_loopback=settings.allow_loopback)
    except OSError as error:
        raise SettingsError(f"{VARIABLE}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SettingsError(f"{VARIABLE}: the file is not UTF-8 text") from None
    except RequestError as error:
        raise SettingsError(f"{VARIABLE}: {error.detail}") from error
    return text


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # As a socket for both families names its IPv4 peers.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
