"""The stdio bridge as an MCP client starts it, driven by the official SDK's own stdio client."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.support.product import PROJECT

KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Bridge:
    """A home of its own, with the bridge's standard error in a file there."""

    directory: Path

    @property
    def errors(self) -> str:
        """All that bridges of this home have written to standard error."""
        log = self.directory / "errors"
        return log.read_text() if log.exists() else ""

    def parameters(self, *arguments: str, **variables: str) -> StdioServerParameters:
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        own = {"HOME": str(self.directory), "TMPDIR": str(self.directory), "PYTHONPATH": str(PROJECT)}
        return StdioServerParameters(
            command=sys.executable,
            args=["-m", "cli.main", "mcp-stdio", *arguments],
            env={**kept, **own, **variables},
            cwd=PROJECT,
        )

    @asynccontextmanager
    async def client(self, *arguments: str, mode: str = "auto", **variables: str) -> AsyncIterator[Client]:
        """Ends with its bridge."""
        with (self.directory / "errors").open("a") as errors:
            transport = stdio_client(self.parameters(*arguments, **variables), errlog=errors)
            async with Client(transport, mode=mode) as client:
                yield client
