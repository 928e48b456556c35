"""How refusals read where MCP knows no result that could tell them: as errors of JSON-RPC."""

from collections.abc import Iterator
from contextlib import contextmanager

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from gateway.http import problems
from shared import metrics
from shared.errors import ProductError, RequestError


@contextmanager
def answered() -> Iterator[None]:
    """Raises MCPError for whatever the block raises: -32602 for what the caller must change, -32603 for the rest."""
    try:
        yield
    except MCPError:
        raise
    except ProductError as error:
        raise of(error) from error
    except Exception as error:
        raise of(problems.unexpected(error)) from error


def of(error: ProductError) -> MCPError:
    """The error's detail as the message, and the problem that REST answers with as its data."""
    metrics.REFUSALS.labels(code=error.code).inc()
    code = INVALID_PARAMS if isinstance(error, RequestError) else INTERNAL_ERROR
    return MCPError(code, error.detail, problems.of(error).model_dump(exclude_none=True))
