"""The state directory of `mcp-k8s up`: a private folder that keeps the master key and Valkey's data between runs.

Only one `up` at a time uses a state directory. Its lock is held as long as any process has the descriptor open. Valkey
inherits the descriptor, so that a second server cannot open the data before the first one has closed it. An existing
master key is never replaced.
"""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.errors import StartError
from shared.sealing.fernet_keys import MasterKeys
from shared.settings import split_keys

FOLDER_NAME = "mcp-k8s"
KEY_NAME = "master.key"
LOCK_NAME = "lock"
VALKEY_NAME = "valkey"
FOR_OTHERS = 0o077
LOCK_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """A state directory whose lock this process holds."""

    path: Path
    lock_descriptor: int

    @property
    def master_key_file(self) -> Path:
        return self.path / KEY_NAME

    @property
    def valkey_directory(self) -> Path:
        return self.path / VALKEY_NAME

    def note(self, runtime: str) -> None:
        """Writes this process's id into the lock file, and the folder to remove if this process is killed."""
        os.ftruncate(self.lock_descriptor, 0)
        os.pwrite(self.lock_descriptor, f"{os.getpid()}\n{runtime}\n".encode(), 0)

    def noted_runtime(self) -> str:
        """Returns the folder that a killed process left behind, or an empty string."""
        return _lock_lines(self.lock_descriptor)[1]


def default_path(environment: Mapping[str, str]) -> Path:
    """Follows the XDG base directory specification 0.8, which ignores relative paths."""
    configured = environment.get("XDG_STATE_HOME", "")
    base = Path(configured) if os.path.isabs(configured) else Path.home() / ".local" / "state"
    return base / FOLDER_NAME


@contextlib.contextmanager
def locked(path: Path) -> Iterator[StateDirectory]:
    """Makes the folder and holds its lock. Raises `StartError` if the lock is taken or others can use the folder."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"the state directory {path} cannot be used: {error.strerror}") from error
    try:
        _check_privacy(path)
        _lock(descriptor, path)
        state = StateDirectory(path, descriptor)
        state.valkey_directory.mkdir(mode=0o700, exist_ok=True)
        yield state
    finally:
        os.close(descriptor)


def ensure_master_key(path: Path) -> None:
    """Makes a key on the first start. Raises `StartError` if the file exists and does not contain a key."""
    if not path.exists():
        write_new(path, MasterKeys.generate() + "\n")
    elif not holds_key(path):
        raise StartError(
            f"{path} does not contain a master key; restore the file, or remove it and lose the jobs that are stored"
        )


def holds_key(path: Path) -> bool:
    """Returns whether the file can be read and contains master keys, separated by commas."""
    try:
        MasterKeys(split_keys(path.read_text()))
    except (OSError, ValueError):
        return False
    return True


def _check_privacy(path: Path) -> None:
    status = path.stat()
    if status.st_uid != os.geteuid():
        raise StartError(f"the state directory {path} belongs to another user; choose another with --state-directory")
    if status.st_mode & FOR_OTHERS:
        raise StartError(
            f"other users can use the state directory {path}, which contains the master key; run: chmod 700 {path}"
        )


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = _lock_lines(descriptor)[0] or "unknown"
        raise StartError(
            f"another `mcp-k8s up` (process {holder}) uses {path}; stop it, or start this one with another folder "
            "(--state-directory) and another port (--port)"
        ) from error
    except OSError as error:
        raise StartError(f"the state directory {path} cannot be locked: {error.strerror}") from error


def _lock_lines(descriptor: int) -> tuple[str, str]:
    lines = os.pread(descriptor, LOCK_BYTES, 0).decode("utf-8", "replace").splitlines()
    return (lines[0] if lines else "", lines[1] if len(lines) > 1 else "")


def write_new(path: Path, text: str, *, like: os.stat_result | None = None) -> None:
    """Writes the file atomically: data that was sealed with a key is lost if that key is cut short.

    Only the owner can read the file, unless `like` is given: then the file gets the owner and mode of the file that it
    replaces, so that the same users can read it.
    """
    descriptor, partial = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            if like is not None:
                os.fchown(descriptor, like.st_uid, like.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
