"""Turns refusals into JSON-RPC errors, for methods whose results cannot describe an error."""

from collections.abc import Iterator
from contextlib import contextmanager

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from gateway.http import problems
from shared import metrics
from shared.errors import ProductError, RequestError


@contextmanager
def answered() -> Iterator[None]:
    """Turns each error in the block into MCPError: -32602 if the caller must change the request, else -32603."""
    try:
        yield
    except MCPError:
        raise
    except ProductError as error:
        raise of(error) from error
    except Exception as error:
        raise of(problems.unexpected(error)) from error


def of(error: ProductError) -> MCPError:
    """Returns the error with its detail as message, and REST's problem as data."""
    metrics.REFUSALS.labels(code=error.code).inc()
    code = INVALID_PARAMS if isinstance(error, RequestError) else INTERNAL_ERROR
    return MCPError(code, error.detail, problems.of(error).model_dump(exclude_none=True))
