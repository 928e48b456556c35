"""The private folder of one run of `up`: Valkey's socket and, where there is no memfd, the kubeconfig.

Not in the state directory: the path of a unix socket is limited, and that of a state directory is the user's choice.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.up.state_directory import StateDirectory

PREFIX = "mcp-k8s-up-"
SOCKET_NAME = "valkey.sock"
SOCKET_PATH_BYTES = 103
"""sun_path of unix(7) is 108 bytes on Linux and 104 on macOS, with the final NUL."""
RANDOM_BYTES = 8
"""What mkdtemp adds to the prefix."""


@contextmanager
def runtime_directory(state: StateDirectory) -> Iterator[Path]:
    """A fresh folder of mode 0700, removed at the end; that of a killed predecessor goes first."""
    _remove_leftover(state.noted_runtime())
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_parent(tempfile.gettempdir())))
    try:
        state.note(str(path))
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        state.note("")


def _parent(preferred: str) -> str:
    longest = len(os.fsencode(preferred)) + len(f"/{PREFIX}/{SOCKET_NAME}") + RANDOM_BYTES
    return preferred if longest <= SOCKET_PATH_BYTES else "/tmp"  # noqa: S108 - mkdtemp makes a private folder in it


def _remove_leftover(noted: str) -> None:
    if Path(noted).name.startswith(PREFIX):
        shutil.rmtree(noted, ignore_errors=True)
