"""Somebody with a kubeconfig who uses the product: what a scenario is written in."""

from dataclasses import dataclass, replace
from typing import Any

from shared.models import CommandResponse
from tests.e2e.clients import Client
from tests.support.control_plane import ControlPlane

ARGO_CD_HEADERS = ("X-Argocd-Server", "X-Argocd-Auth-Token")


@dataclass(frozen=True, slots=True)
class User:
    """`namespace` is the scenario's own, and the current one of the kubeconfig."""

    client: Client
    cluster: ControlPlane
    namespace: str
    kubeconfig: str | None
    headers: tuple[tuple[str, str], ...] = ()

    async def run(self, tool: str, command: str, **fields: Any) -> CommandResponse:
        """However the command ends."""
        return await self.client.run(
            tool, command, kubeconfig=self.kubeconfig, headers=dict(self.headers), fields=fields
        )

    async def output(self, tool: str, command: str, **fields: Any) -> str:
        """Of a command that must succeed."""
        response = await self.run(tool, command, **fields)
        assert response.success, response
        assert (response.state, response.exit_code) == ("succeeded", 0)
        return response.output

    async def words(self, tool: str, command: str, **fields: Any) -> str:
        """Both streams of a command that must succeed: istioctl tells people its results on standard error."""
        response = await self.run(tool, command, **fields)
        assert response.success, response
        return response.output + (response.error or "")

    async def failure(self, tool: str, command: str, **fields: Any) -> CommandResponse:
        """Of a command that must fail by itself."""
        response = await self.run(tool, command, **fields)
        assert (response.success, response.state) == (False, "failed"), response
        assert response.exit_code > 0
        assert response.error
        return response

    async def refusal(self, tool: str, command: str, **fields: Any) -> str:
        """Why the command is not even queued."""
        return await self.client.refusal(tool, command, kubeconfig=self.kubeconfig, fields=fields)

    def with_kubeconfig(self, kubeconfig: str | None) -> "User":
        return replace(self, kubeconfig=kubeconfig)

    def with_argo_cd(self, server: str, token: str) -> "User":
        """Without a kubeconfig: Argo CD is all that this user reaches."""
        return replace(self, kubeconfig=None, headers=tuple(zip(ARGO_CD_HEADERS, (server, token), strict=True)))
