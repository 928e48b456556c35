"""`mcp-k8s run`: a command on a gateway, as if it ran here: its output as it comes, and its own exit code."""

import asyncio
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cli import local_kubeconfig
from cli.errors import StartError
from cli.remote import RemoteGateway

INTERRUPTED_EXIT_CODE = 130
"""A shell's code for a command that Ctrl-C ended."""
FAILED_EXIT_CODE = 1
RESTARTED = "\nthe worker was lost: the command runs again from its start on another one"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What stands on the command line. `files` are sent under the names that they have here."""

    tool: str
    arguments: Sequence[str]
    kubeconfig: str | None
    context: str | None
    files: Sequence[Path]
    sends_stdin: bool
    timeout_s: float | None


def run(gateway: RemoteGateway, options: RunOptions, variables: Mapping[str, str]) -> int:
    """Follows the command to its end and returns its exit code. `StartError` if it does not come so far."""
    job_id = gateway.submit(_body(options), kubeconfig=_kubeconfig(options, variables))
    try:
        return _follow(gateway, job_id)
    except KeyboardInterrupt:
        gateway.cancel(job_id)
        typer.echo(f"cancelled; `mcp-k8s cancel {job_id}` says how it ended", err=True)
        return INTERRUPTED_EXIT_CODE


def _follow(gateway: RemoteGateway, job_id: str) -> int:
    for event in gateway.events(job_id):
        if event.name in ("stdout", "stderr"):
            typer.echo(event.data["text"], nl=False, err=event.name == "stderr")
        elif event.name == "restart":
            typer.echo(RESTARTED, err=True)
        elif event.name == "end":
            exit_code = event.data.get("exit_code", -1)
            if exit_code >= 0:
                return int(exit_code)
    return _explain(gateway.job(job_id))


def _explain(job: Mapping[str, Any]) -> int:
    """For a command that no process ended by itself: why, in the last line of its error."""
    response = job.get("response") or {}
    for line in (*(response.get("error") or "").splitlines()[-1:], response.get("hint")):
        if line:
            typer.echo(line, err=True)
    return FAILED_EXIT_CODE


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
        raise StartError(f"--file {path}: name it from the current folder, as the command does")
    try:
        return path.read_text()
    except OSError as error:
        raise StartError(f"--file {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise StartError(f"--file {path}: is no text") from None


def _kubeconfig(options: RunOptions, variables: Mapping[str, str]) -> str | None:
    """Self-contained; None where none is named and none lies in its usual place: the gateway may lend one."""
    path = local_kubeconfig.find(options.kubeconfig, variables)
    if path is None:
        return None
    return asyncio.run(local_kubeconfig.load(path, only_context=options.context))
