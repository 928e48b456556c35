"""Logging: structlog as JSON on standard error, UTC; what libraries log goes the same way."""

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog

HEARD = ("uvicorn.error",)
"""Libraries whose loggers follow the level. All others say what is a warning at least: what they tell below it may be a
request's arguments or a command's output."""


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
        structlog.contextvars.merge_contextvars,
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
