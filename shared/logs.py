"""Logging with structlog: JSON lines in UTC on standard error. Lines of libraries go the same way.

The subject of log lines (`job_id`, `trace_id`) is bound where a request or a job begins, and extended later.
"""

import contextlib
import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TextIO, cast

import structlog

HEARD = ("uvicorn.error",)
"""Libraries whose loggers follow the configured level. All others log only warnings and errors, because their other
lines may contain a request's arguments or a command's output."""

_subject: ContextVar[dict[str, str] | None] = ContextVar("what log lines are about", default=None)
"""Fields of the current request or job. A request shares the dict with its tasks, so that fields which the MCP server's
tasks add also appear in the request's last line."""


class _Stream:
    """Standard error. A log line that cannot be written is lost, for example on a full disk, and raises no error."""

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
    # Straight to the stream, because the standard library's logging costs more than all processors.
    structlog.configure(
        processors=[*processors, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Stream())),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=True,
    )
    _redirect_libraries(processors, number)


def begin(**fields: str) -> None:
    """Sets the fields of all later lines of this task and of tasks that it starts, and drops earlier fields.

    The fields are never reset, so that a line about an unexpected error, which is logged further out, has them too.
    """
    _subject.set(fields)


def add(**fields: str) -> None:
    """Adds fields; later values win. Does nothing before `begin` was called."""
    if (subject := _subject.get()) is not None:
        subject.update(fields)


def subject() -> Mapping[str, str]:
    """Returns the current fields, for code that logs on behalf of this task in another one."""
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
