"""Tells of an unexpected error in the door's process, without its text, which may quote what a command sent."""

import sys
import traceback
from typing import Any


def tell(error: BaseException) -> None:
    """Writes where the error was raised, to standard error."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    print(f"door: {type(error).__name__}\n{frames}", file=sys.stderr, flush=True)  # noqa: T201 - the door has no log


def on_loop_error(loop: object, context: dict[str, Any]) -> None:
    """Tells of an error that nobody else caught."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        tell(error)
