"""The private folder of one run of `up`. It holds Valkey's socket and, on systems without memfd, the kubeconfig.

It is not inside the state directory: the path of a unix socket is limited, and the user chooses the state directory.
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
"""Number of characters that mkdtemp adds to the prefix."""


@contextmanager
def runtime_directory(state: StateDirectory) -> Iterator[Path]:
    """Makes a new folder of mode 0700 and removes it at the end. Removes the folder of a killed earlier run first."""
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
    return preferred if longest <= SOCKET_PATH_BYTES else "/tmp"  # noqa: S108 - mkdtemp makes a private folder there


def _remove_leftover(noted: str) -> None:
    if Path(noted).name.startswith(PREFIX):
        shutil.rmtree(noted, ignore_errors=True)
