"""Shows a job in `mcp-k8s run`: the command's output unchanged, and notes about the job on stderr."""

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import typer

from cli.remote.gateway_client import Event

QUEUED_NOTE_S = 3.0
"""Seconds in the queue after which the user is told: an idle worker takes a job within milliseconds."""


class RunDisplay:
    """Display of one job. A note always starts on a new line, even if stdout and stderr are the same terminal.

    The note about a long wait is printed by a timer's thread, which is stopped before anything else is printed.
    """

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self._is_at_line_start = True
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "RunDisplay":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_timer()

    def show(self, event: Event) -> None:
        """Shows the event if it concerns the user."""
        self._stop_timer()
        if event.name in ("stdout", "stderr"):
            self._print(event.data["text"], is_error=event.name == "stderr")
        elif event.name == "progress":
            self.note(f"waiting: {event.data['text']}")
        elif event.name == "restart":
            self.note("the worker was lost: the command starts again")
        elif event.name == "end":
            self._show_end(event.data)
        elif event.data.get("state") == "queued":
            self._start_timer()

    def _show_end(self, data: Mapping[str, Any]) -> None:
        if data.get("hint"):
            self.note(f"hint: {data['hint']}")
        if data.get("changes"):
            self.note(data["changes"])

    def note(self, text: str) -> None:
        """Prints a line on stderr."""
        self._stop_timer()
        self._say(text)

    def _say(self, text: str) -> None:
        typer.echo(text if self._is_at_line_start else f"\n{text}", err=True)
        self._is_at_line_start = True

    def _print(self, text: str, *, is_error: bool) -> None:
        typer.echo(text, nl=False, err=is_error)
        self._is_at_line_start = text.endswith("\n") if text else self._is_at_line_start

    def _start_timer(self) -> None:
        note = f"queued: no worker has taken the job yet (job {self._job_id}; Ctrl-C cancels it)"
        self._timer = threading.Timer(QUEUED_NOTE_S, self._say, [note])
        self._timer.start()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            timer.join()
