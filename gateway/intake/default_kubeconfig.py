"""The kubeconfig for requests that send none. The operator must set it, and it is used on loopback only."""

import structlog

from shared.errors import RequestError
from shared.kubeconfig import cluster_access
from shared.network import endpoints
from shared.settings import GatewaySettings, SettingsError

log = structlog.get_logger(__name__)

VARIABLE = "K8S_MCP_DEFAULT_KUBECONFIG_FILE"


def load_default_kubeconfig(settings: GatewaySettings) -> str | None:
    """Returns the file's text. Raises `SettingsError` if it is not usable, or if other machines reach the gateway."""
    path = settings.default_kubeconfig_file
    if path is None:
        return None
    if not endpoints.is_loopback(settings.host):
        raise SettingsError(f"{VARIABLE} lends one identity to every caller: K8S_MCP_HOST must be a loopback address")
    try:
        text = path.read_text()
        cluster_access.rebuild(text, context=settings.default_context, allow_loopback=settings.allow_loopback)
    except OSError as error:
        raise SettingsError(f"{VARIABLE}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SettingsError(f"{VARIABLE}: the file is not UTF-8 text") from None
    except RequestError as error:
        raise SettingsError(f"{VARIABLE}: {error.detail}") from error
    return text


class DefaultKubeconfig:
    """The current content of the file, because the operator may renew a token in it while the gateway runs."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._text = load_default_kubeconfig(settings)
        self._bytes = self._read()

    def text(self) -> str | None:
        """Returns the newest usable text. Raises nothing: `__init__` has raised `SettingsError` for a bad file."""
        found = self._read()
        if found != self._bytes:
            self._bytes = found
            try:
                self._text = load_default_kubeconfig(self._settings)
            except SettingsError as error:
                log.warning("default kubeconfig not reloaded", reason=str(error))
        return self._text

    def _read(self) -> bytes | None:
        path = self._settings.default_kubeconfig_file
        try:
            return path.read_bytes() if path is not None else None
        except OSError:
            return self._bytes
