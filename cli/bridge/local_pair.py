"""A gateway and a worker on this machine, called a pair, which bridges share. The first bridge starts the pair.

The pair is an `mcp-k8s up` in the background, on a free loopback port, with its own state directory, so that it does
not disturb an `up` in a terminal. Bridges with different K8S_MCP_ settings use different pairs. The pair ends when its
last bridge has left and no job runs (`cli.up.pair_locks`).
"""

import asyncio
import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from cli.errors import StartError
from cli.up import environment, pair_locks, state_directory
from shared.settings import PREFIX
from shared.tools import registry

FOLDER_NAME = "bridge"
LOG_NAME = "log"
START_LIMIT_S = 120.0
"""Seconds to wait for a pair: an old pair may have to end first, and a worker asks each CLI for its version."""
POLL_INTERVAL_S = 0.1
LOG_TAIL_BYTES = 2_000
LOG_LEVEL = f"{PREFIX}LOG_LEVEL"
QUIET = "warning"
"""Log level of a pair: its log file grows until the pair ends, and each start empties it."""
UNPREFIXED_SETTING = "K8S_NAMESPACE"
NO_SETTINGS = (f"{PREFIX}URL", f"{PREFIX}PORT", f"{PREFIX}HOST", "K8S_CONTEXT", "KUBECONFIG")
"""Variables that do not reach the pair, because each bridge uses its own value or this module sets them."""
HOST = "127.0.0.1"


class LocalPair:
    """The pair for these settings. It is started when its URL is asked for."""

    def __init__(self, variables: Mapping[str, str], folder: Path, tell: Callable[[str], None]) -> None:
        self._variables = variables
        self._tell = tell
        self._folder = folder

    async def url(self) -> str:
        """Returns the pair's URL, and starts the pair if it does not run. Raises `StartError`."""
        url = pair_locks.served_url(self._folder)
        if url is not None:
            return url
        try:
            async with asyncio.timeout(START_LIMIT_S), pair_locks.starting(self._folder):
                return pair_locks.served_url(self._folder) or await self._start()
        except TimeoutError as error:
            raise StartError(f"gateway and worker did not start within {START_LIMIT_S:.0f} s{self._log()}") from error

    async def _start(self) -> str:
        self._tell(f"starting a gateway and a worker (log: {self._folder / LOG_NAME})")
        process = await asyncio.to_thread(self._spawn)
        while (url := pair_locks.served_url(self._folder)) is None:
            if process.poll() is not None:
                raise StartError(f"gateway and worker could not be started{self._log()}")
            await asyncio.sleep(POLL_INTERVAL_S)
        return url

    def _spawn(self) -> "subprocess.Popen[bytes]":
        """Does not use asyncio, which would kill the pair at the end of this process."""
        with (self._folder / LOG_NAME).open("wb") as log:
            return subprocess.Popen(
                _command(self._folder),
                env=_own_environment(self._variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _log(self) -> str:
        try:
            tail = (self._folder / LOG_NAME).read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()
        except OSError:
            return ""
        return f":\n{tail}" if tail else ""


@contextlib.asynccontextmanager
async def local_pair(variables: Mapping[str, str], tell: Callable[[str], None]) -> AsyncIterator[LocalPair]:
    """Yields a pair that runs at least as long as the block. Tells when it starts one. Raises `StartError`."""
    own = state_directory.default_path(variables)
    folder = own / FOLDER_NAME / _digest(variables)
    try:
        for private in (own, folder.parent, folder):  # `up` refuses a folder of its own that others can use
            private.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"the state directory {folder} cannot be used: {error.strerror}") from error
    async with contextlib.AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(START_LIMIT_S):
                await stack.enter_async_context(pair_locks.in_use(folder))
        except TimeoutError as error:
            raise StartError(
                f"the gateway and worker of earlier bridges did not end within {START_LIMIT_S:.0f} s: a command may "
                "still run"
            ) from error
        pair = LocalPair(variables, folder, tell)
        await pair.url()
        yield pair


def _command(folder: Path) -> list[str]:
    arguments = ("up", "--host", HOST, "--port", "0", "--state-directory", str(folder), "--for-bridges")
    return [os.path.abspath(sys.executable), "-P", "-m", "cli.main", *arguments]


def _own_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Leaves out the user's credentials, because each call sends them."""
    secrets = {variable for tool in registry.tools() for variable in tool.credential_headers.values()}
    kept = {name: value for name, value in variables.items() if name not in {*secrets, *NO_SETTINGS}}
    return environment.for_children({LOG_LEVEL: QUIET, **kept})


def _digest(variables: Mapping[str, str]) -> str:
    """Returns a name that differs for different settings."""
    settings = {
        name: value
        for name, value in variables.items()
        if value and name not in NO_SETTINGS and (name.startswith(PREFIX) or name == UNPREFIXED_SETTING)
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
