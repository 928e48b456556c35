"""Logging: structlog as JSON on standard error, UTC; what libraries log goes the same way.

What lines are about (`job_id`, `trace_id`) is bound where a request or a job begins, and completed as it becomes known.
"""

import contextlib
import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TextIO, cast

import structlog

HEARD = ("uvicorn.error",)
"""Libraries whose loggers follow the level. All others say what is a warning at least: what they tell below it may be a
request's arguments or a command's output."""

_subject: ContextVar[dict[str, str] | None] = ContextVar("what log lines are about", default=None)
"""Shared with the tasks that a request starts: what the MCP server's tasks learn of a request belongs to its last line
too."""


class _Stream:
    """Standard error, but a log line that cannot be written is lost and ends nothing: the disk may be full."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return sys.stderr.write(text)
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure(level: str) -> None:
    """Sets up logging for the process; `level` as in the setting `K8S_MCP_LOG_LEVEL`."""
    processors: list[structlog.typing.Processor] = [
        _merge_subject,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    number = logging.getLevelNamesMapping()[level.upper()]
    # Straight to the stream: a detour through the standard library's logging costs more than all processors.
    structlog.configure(
        processors=[*processors, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Stream())),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=True,
    )
    _redirect_libraries(processors, number)


def begin(**fields: str) -> None:
    """From here on lines of this task, and of tasks that it starts, carry these fields and no earlier ones.

    There is no end: the line about an error that nobody foresaw is written outside of all that could set one.
    """
    _subject.set(fields)


def add(**fields: str) -> None:
    """Completes what lines are about; later values win. Nothing where nothing has begun."""
    if (subject := _subject.get()) is not None:
        subject.update(fields)


def subject() -> Mapping[str, str]:
    """What lines are about here, for who logs on behalf of this task from another."""
    return _subject.get() or {}


def _merge_subject(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {**subject(), **event}


def _redirect_libraries(processors: list[structlog.typing.Processor], number: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(logging.WARNING, number))
    for name in HEARD:
        logging.getLogger(name).setLevel(number)
