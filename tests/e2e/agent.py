"""An agent as a client runs it: it gives up a call after the client's limit, and does what results tell it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import REQUEST_TIMEOUT

from shared.models import CommandResponse
from tests.support.mcp_caller import mcp_client, text_of


@dataclass
class Agent:
    """`urls`: where its first call goes, and where all others go. `calls`: the tools that it called."""

    urls: tuple[str, str]
    kubeconfig: str
    mode: str
    limit_s: float
    calls: list[str] = field(default_factory=list)
    timeouts: int = 0

    async def run(self, tool: str, **arguments: Any) -> CommandResponse:
        """Until the command has ended. A call that timed out is sent again, as it was."""
        name, sent = tool, arguments
        while True:
            answer = await self._answer(name, sent)
            if answer is None:
                continue
            if "success" in answer and (response := CommandResponse.model_validate(answer)).state.is_final:
                return response
            assert answer["job_id"], answer
            name, sent = "get_job", {"job_id": answer["job_id"], "wait": 30}

    async def _answer(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """What the text of the result says; None where the client gave up."""
        url = self.urls[1 if self.calls else 0]
        self.calls.append(tool)
        async with mcp_client(url, kubeconfig=self.kubeconfig, mode=self.mode) as client:
            await client.list_tools()  # as models' clients do
            try:
                result = await client.call_tool(tool, dict(arguments), read_timeout_seconds=self.limit_s)
            except MCPError as error:
                if error.code != REQUEST_TIMEOUT:
                    raise
                self.timeouts += 1
                return None
        answer: dict[str, Any] = json.loads(text_of(result))
        return answer
