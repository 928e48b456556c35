"""`mcp-k8s run`: runs a command on a gateway as if it ran here, with live output and the command's exit code."""

import asyncio
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import typer

from cli.errors import StartError
from cli.remote import terminal_words
from cli.remote.call_headers import CallHeaders
from cli.remote.gateway_client import RemoteGateway
from cli.remote.run_display import RunDisplay
from shared import changes
from shared.command import parser
from shared.errors import RequestError
from shared.tools import registry

INTERRUPTED_EXIT_CODE = 130
TERMINATED_EXIT_CODE = 143
"""A shell uses 130 for a command that Ctrl-C ended and 143 for SIGTERM."""
FAILED_EXIT_CODE = 1
Advise = Callable[[str], str]
"""Puts a gateway's advice into terms of this command's options."""


class TerminatedError(BaseException):
    """SIGTERM came. This exception interrupts any wait, as KeyboardInterrupt does."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options given on the command line. `files` are sent under the names that they have here."""

    tool: str
    arguments: Sequence[str]
    kubeconfig: str | None
    context: str | None
    files: Sequence[Path]
    sends_stdin: bool
    timeout_s: float | None


def run(gateway: RemoteGateway, options: RunOptions, variables: Mapping[str, str]) -> int:
    """Follows the command to its end and returns its exit code. Raises `StartError` if the command cannot be run.

    Ctrl-C cancels the command. After SIGTERM, which may come from the parent process, the command goes on.
    """
    body = _body(options)
    source = CallHeaders(variables, kubeconfig=options.kubeconfig, context=options.context)
    headers = asyncio.run(source.make(_asked_context(options)))
    with _terminable():
        try:
            job_id = gateway.submit(body, headers=headers)
        except StartError as error:
            raise StartError(_in_options(str(error), options)) from error
        except (KeyboardInterrupt, TerminatedError) as interruption:
            typer.echo("no answer yet: the command may run; if it does, `mcp-k8s jobs` lists it", err=True)
            return _exit_code(interruption)
        with RunDisplay(job_id) as display:
            return _attended(gateway, job_id, display, advise=partial(_in_options, options=options))


def _in_options(advice: str, options: RunOptions) -> str:
    return terminal_words.translated(advice, tool=options.tool, arguments=options.arguments, sent=options.files)


def _attended(gateway: RemoteGateway, job_id: str, display: RunDisplay, *, advise: Advise) -> int:
    cancel = f"`mcp-k8s cancel --url {gateway.url} {job_id}`"
    try:
        try:
            return _follow(gateway, job_id, display, advise=advise)
        except KeyboardInterrupt:
            gateway.cancel(job_id)
            display.note(f"cancelled; {cancel} shows how it ended")
            return INTERRUPTED_EXIT_CODE
    except TerminatedError:
        output = f"`curl {gateway.url}/jobs/{job_id}/output`"
        display.note(f"the command goes on as job {job_id}: {output} shows its output, {cancel} ends it")
        return TERMINATED_EXIT_CODE


def _follow(gateway: RemoteGateway, job_id: str, display: RunDisplay, *, advise: Advise) -> int:
    for event in gateway.events(job_id):
        if event.name == "end" and event.data.get("exit_code", -1) < 0:
            _explain(gateway.job(job_id), display)
        hint = event.data.get("hint")
        display.show(replace(event, data={**event.data, "hint": advise(hint)}) if hint else event)
        if event.name == "end":
            exit_code = int(event.data.get("exit_code", -1))
            return exit_code if exit_code >= 0 else FAILED_EXIT_CODE
    return FAILED_EXIT_CODE


def _explain(job: Mapping[str, Any], display: RunDisplay) -> None:
    """Shows the last line of the error, which says why the command did not end by itself, and those about changes."""
    response = job.get("response") or {}
    *before, reason = (response.get("error") or "").splitlines()[-3:] or [""]
    for line in before:
        if line.startswith((changes.ACKNOWLEDGED, changes.ON_THEIR_WAY)):
            display.note(line)
    if reason:
        display.note(reason)


@contextmanager
def _terminable() -> Iterator[None]:
    """Raises `TerminatedError` in the block on SIGTERM. A second SIGTERM ends the process at once."""

    def on_signal(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise TerminatedError

    before = signal.signal(signal.SIGTERM, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit_code(interruption: BaseException) -> int:
    return TERMINATED_EXIT_CODE if isinstance(interruption, TerminatedError) else INTERRUPTED_EXIT_CODE


def _asked_context(options: RunOptions) -> str | None:
    """Returns the command's own `--context`, or None if the command cannot be parsed; the gateway then refuses it."""
    if options.tool not in registry.names():
        return None
    try:
        return parser.parse(registry.find(options.tool), shlex.join(options.arguments)).context
    except RequestError:
        return None


def _body(options: RunOptions) -> dict[str, Any]:
    body: dict[str, Any] = {"tool": options.tool, "command": shlex.join(options.arguments)}
    if options.files:
        body["files"] = {str(path): _text(path) for path in options.files}
    if options.sends_stdin:
        body["stdin"] = sys.stdin.read()
    if options.timeout_s is not None:
        body["timeout"] = options.timeout_s
    return body


def _text(path: Path) -> str:
    if path.is_absolute() or ".." in path.parts:
        raise StartError(f"--file {path}: use a path relative to the current folder, without `..`, as in the command")
    try:
        return path.read_text()
    except OSError as error:
        raise StartError(f"--file {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise StartError(f"--file {path}: is not text") from None
