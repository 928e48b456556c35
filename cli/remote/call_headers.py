"""The headers that carry the user's credentials, created on this machine for each call."""

import base64
import json
from collections.abc import Mapping

from cli.errors import StartError
from cli.kubeconfig import exec_plugin, local_kubeconfig
from cli.kubeconfig.local_kubeconfig import CredentialSource
from shared.tools import registry

KUBECONFIG_HEADER = "X-Kubeconfig"


async def printed(source: "CallHeaders", *, as_json: bool) -> str:
    """Returns the output of `mcp-k8s kubeconfig`: headers as JSON, or X-Kubeconfig's value. Raises `StartError`."""
    headers = await source.make()
    if KUBECONFIG_HEADER not in headers:
        raise StartError(
            f"{local_kubeconfig.DEFAULT_PATH} does not exist: name a kubeconfig with --kubeconfig or KUBECONFIG"
        )
    return json.dumps(headers) if as_json else headers[KUBECONFIG_HEADER]


class CallHeaders:
    """Makes headers from the options on the command line and from environment variables."""

    def __init__(
        self,
        variables: Mapping[str, str],
        *,
        kubeconfig: str | None,
        context: str | None,
        credential_of: CredentialSource = exec_plugin.run,
    ) -> None:
        self._variables = variables
        self._kubeconfig = kubeconfig
        self._context = context
        self._credential_of = credential_of

    async def make(self, context: str | None = None) -> dict[str, str]:
        """Returns all headers. Raises `StartError`.

        `context` is the context that the call asks for. A context from the command line wins over it.
        """
        path = local_kubeconfig.find(self._kubeconfig, self._variables)
        if path is None:
            return self._others()
        chosen = self._context or context or self._variables.get("K8S_CONTEXT") or local_kubeconfig.CURRENT
        text = await local_kubeconfig.load(path, only_context=chosen, credential_of=self._credential_of)
        return {KUBECONFIG_HEADER: base64.b64encode(text.encode()).decode(), **self._others()}

    def _others(self) -> dict[str, str]:
        """Returns the tools' other credentials, from the variables that the tools themselves read."""
        named = {header: variable for tool in registry.tools() for header, variable in tool.credential_headers.items()}
        found = {header.title(): self._variables.get(variable, "").strip() for header, variable in named.items()}
        return {header: value for header, value in found.items() if value}
