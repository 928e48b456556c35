"""Runs the credential program that a kubeconfig names, as kubectl does, on the user's own machine.

The protocol is client.authentication.k8s.io, v1 and v1beta1, as in the Kubernetes documentation ("client-go credential
plugins"). The program has a time limit and gets no standard input, because a bridge's standard input belongs to its
client. The program's output is never shown. An error shows the end of its stderr, without credentials.
"""

import asyncio
import json
import os
import re
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.errors import StartError
from cli.kubeconfig import exec_credential
from cli.kubeconfig.exec_credential import Credential
from shared import terminal

RUN_LIMIT_S = 30.0
"""Time limit in seconds: a cloud's login service answers in seconds, and MCP clients stop waiting after a minute."""
MAX_OUTPUT_BYTES = 1024 * 1024
READ_BYTES = 65_536
COMPLAINT_BYTES = 4_096
COMPLAINT_CHARACTERS = 400
SHORTEST_SECRET = 8
CREDENTIAL_LIKE = re.compile(r"[A-Za-z0-9+/=_.~-]{32,}")
NEEDS_TERMINAL = "Always"
"""The interactiveMode of a program that needs a terminal."""

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A credential program of a kubeconfig. Programs with equal fields give the same credential."""

    user: str
    command: str
    """A name on PATH, or a path. A relative path has already been joined to the kubeconfig's folder."""
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = field(repr=False)
    api_version: str
    exec_info: str = field(repr=False)
    """Value of the variable KUBERNETES_EXEC_INFO."""
    install_hint: str = ""


def read(user: str, fields: Fields, *, cluster: Fields, folder: Path) -> ExecPlugin:
    """Reads the user's `exec` entry. Raises `StartError` if the program cannot be run here.

    The files that `cluster` names must have been inlined.
    """
    version, command = fields.get("apiVersion"), fields.get("command")
    if version not in exec_credential.API_VERSIONS:
        raise _problem(user, f"uses {version}, which is not supported: renew the kubeconfig with its cloud's CLI")
    if not isinstance(command, str) or not command:
        raise _problem(user, "has no command")
    if fields.get("interactiveMode") == NEEDS_TERMINAL:
        raise _problem(user, f"needs a terminal (interactiveMode {NEEDS_TERMINAL}), and there is none")
    return ExecPlugin(
        user=user,
        command=str(folder / command) if os.sep in command else command,
        arguments=tuple(str(argument) for argument in fields.get("args") or ()),
        environment=tuple((str(entry["name"]), str(entry["value"])) for entry in fields.get("env") or ()),
        api_version=str(version),
        exec_info=_exec_info(str(version), cluster if fields.get("provideClusterInfo") else None),
        install_hint=str(fields.get("installHint") or "").strip(),
    )


async def run(plugin: ExecPlugin) -> Credential:
    """Runs the program and returns a fresh credential. Raises `StartError`, whose text contains no secret."""
    process = await _spawn(plugin)
    try:
        async with asyncio.timeout(RUN_LIMIT_S):
            output, complaint = await _outputs(process)
            code = await process.wait()
    except BaseException as error:
        _kill(process)
        await process.wait()
        if isinstance(error, TimeoutError):
            raise _problem(
                plugin.user,
                f"(`{plugin.command}`) did not end within {RUN_LIMIT_S:.0f} s: it may wait for a login; run "
                "`kubectl get namespaces` in a terminal",
            ) from error
        raise
    if code != 0:
        raise _problem(plugin.user, f"(`{plugin.command}`) ended with exit code {code}{_end_of(complaint, plugin)}")
    if len(output) > MAX_OUTPUT_BYTES:
        raise _problem(plugin.user, f"(`{plugin.command}`) printed more than {MAX_OUTPUT_BYTES} bytes")
    try:
        return exec_credential.parse(output, plugin.api_version)
    except ValueError as error:
        raise _problem(plugin.user, f"(`{plugin.command}`) {error}") from None


async def _spawn(plugin: ExecPlugin) -> Process:
    environment = {**os.environ, **dict(plugin.environment), exec_credential.INFO_VARIABLE: plugin.exec_info}
    program = shutil.which(plugin.command, path=environment.get("PATH"))
    if program is None:
        hint = f"; {plugin.install_hint}" if plugin.install_hint else ""
        raise _problem(
            plugin.user,
            f"(`{plugin.command}`) was not found on PATH; an MCP client's PATH is often shorter than a terminal's: "
            f"install the program, or name it with its absolute path{hint}",
        )
    spawning = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            program,
            *plugin.arguments,
            env=environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(spawning)
    except asyncio.CancelledError:  # the process may have started already
        process = await spawning
        _kill(process)
        await process.wait()
        raise
    except OSError as error:
        raise _problem(plugin.user, f"(`{plugin.command}`) cannot be started: {error.strerror}") from error


async def _outputs(process: Process) -> tuple[bytes, bytes]:
    """Returns the start of stdout, cut just beyond the limit, and the end of stderr."""
    async with asyncio.TaskGroup() as group:
        output = group.create_task(_read(process.stdout, first=MAX_OUTPUT_BYTES + 1), name="output of a plugin")
        complaint = group.create_task(_read(process.stderr, last=COMPLAINT_BYTES), name="complaints of a plugin")
    return output.result(), complaint.result()


async def _read(stream: asyncio.StreamReader | None, *, first: int | None = None, last: int | None = None) -> bytes:
    kept = b""
    while stream is not None and (data := await stream.read(READ_BYTES)):
        kept = (kept + data)[:first] if first is not None else (kept + data)[-(last or 0) :]
    return kept


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _exec_info(api_version: str, cluster: Fields | None) -> str:
    spec: dict[str, Any] = {"interactive": False}
    if cluster is not None:
        known = {name: cluster[name] for name in exec_credential.CLUSTER_FIELDS if name in cluster}
        spec["cluster"] = {**known, "config": _extension(cluster)}
    return json.dumps({"apiVersion": api_version, "kind": exec_credential.KIND, "spec": spec})


def _extension(cluster: Fields) -> object:
    """Returns the extension of the cluster's entry that configures the program."""
    extensions = cluster.get("extensions")
    entries = extensions if isinstance(extensions, list) else ()
    named = (entry for entry in entries if isinstance(entry, dict) and entry.get("name") == exec_credential.EXTENSION)
    return next((entry.get("extension") for entry in named), None)


def _end_of(complaint: bytes, plugin: ExecPlugin) -> str:
    text = terminal.plain(complaint.decode("utf-8", "replace"))
    for _, value in plugin.environment:
        if len(value) >= SHORTEST_SECRET:
            text = text.replace(value, "***")
    line = " ".join(CREDENTIAL_LIKE.sub("***", text).split())
    return f": {line[-COMPLAINT_CHARACTERS:]}" if line else ""


def _problem(user: str, text: str) -> StartError:
    return StartError(f"--kubeconfig: the credential program of user {user!r} {text}")
