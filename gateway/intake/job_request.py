"""A command that names its tool in the request: for `POST /jobs`, and for the MCP tool that runs any tool."""

from typing import Annotated

from pydantic import Field

from shared.models import CommandRequest
from shared.tools import registry


class JobRequest(CommandRequest):
    """A command together with the tool that runs it."""

    tool: Annotated[
        str,
        Field(max_length=64, description=f"{registry.listed('or')}.", json_schema_extra={"enum": [*registry.names()]}),
    ]

    def of_tool(self) -> CommandRequest:
        """Returns the command as the tool gets it."""
        return CommandRequest.model_construct(**{name: getattr(self, name) for name in CommandRequest.model_fields})
