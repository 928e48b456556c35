"""Builds the binaries of the end-to-end tests into the user's cache folder: `make e2e-tools`. Arguments name binaries.

Each binary is built under another name and then renamed, so that existing binaries are complete and an interrupted run
continues where it stopped. It runs without `.venv`, because it imports only the standard library.
"""

import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from tools import e2e_tools
from tools.e2e_tools import Binary, Builds, CacheFolder, Module
from tools.go_builds import BuildError, Go

PARTIAL_PREFIX = ".partial-"
END_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Task:
    """One build run. `partial` is a temporary folder on the same disk as `folder`."""

    go: Go
    folder: CacheFolder
    partial: Path

    def build(self, binary: Binary) -> None:
        """Raises BuildError."""
        built = self.partial / binary.name
        self.go.build(binary, built)
        built.chmod(0o755)
        _flush(built)
        self.folder.bin.mkdir(exist_ok=True)
        built.replace(self.folder.bin / binary.name)

    def copy_share(self, module: Module) -> None:
        """Raises BuildError."""
        source = self.go.module_path(module)
        copied = self.partial / f"share-{module.name}"
        for name in module.share:
            for path in _files(source / name):
                _copy(path, copied / path.relative_to(source))
        self.folder.share.mkdir(exist_ok=True)
        copied.replace(self.folder.share / module.name)


def _flush(path: Path) -> None:
    """Writes the content to disk, so that a renamed file is complete even after a power failure."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _files(path: Path) -> list[Path]:
    """Raises BuildError if there are no files."""
    files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file())
    if not files:
        raise BuildError(f"{path} does not exist: correct `share` in tests/e2e/tools/{e2e_tools.TABLE_NAME}")
    return files


def _copy(source: Path, target: Path) -> None:
    """Copies a file. Modules have no file modes, so scripts are made executable again."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    if source.suffix == ".sh":
        target.chmod(0o755)


@contextmanager
def _locked(folder: CacheFolder) -> Iterator[None]:
    """Allows one run at a time, because two would build everything twice."""
    folder.path.mkdir(parents=True, exist_ok=True)
    with (folder.path / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another make e2e-tools to end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _partial(folder: CacheFolder) -> Iterator[Path]:
    """Makes the temporary folder, and removes those of killed runs."""
    for left in folder.path.glob(f"{PARTIAL_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=PARTIAL_PREFIX, dir=folder.path, ignore_cleanup_errors=True) as name:
        yield Path(name)


def only(builds: Builds, names: Sequence[str]) -> Builds:
    """The table without all other binaries, and without files of modules; with no names, the whole table."""
    if not names:
        return builds
    binaries = tuple(binary for binary in builds.binaries if binary.name in names)
    return replace(builds, modules=(), binaries=binaries)


def build_missing(builds: Builds, folder: CacheFolder, environment: Mapping[str, str]) -> None:
    """Builds the missing files. Raises BuildError at the first failure; finished files stay."""
    with _locked(folder), _partial(folder) as partial:
        binaries, shares = folder.missing_binaries(builds), folder.missing_shares(builds)
        go = Go(builds, e2e_tools.SOURCES_PATH, {**environment, "GOTMPDIR": str(partial)})
        if binaries or shares:
            go.check([*(binary.module for binary in binaries), *shares])
        task = Task(go, folder, partial)
        for number, binary in enumerate(binaries, start=1):
            with _timed(f"[{number}/{len(binaries)}] {binary.name} {binary.module.version}"):
                task.build(binary)
        for module in shares:
            task.copy_share(module)


@contextmanager
def _timed(label: str) -> Iterator[None]:
    started_s = time.monotonic()
    print(f"{label} ...", end="", flush=True)
    try:
        yield
    except BaseException:
        print(" not built", flush=True)
        raise
    print(f" {time.monotonic() - started_s:.0f} s", flush=True)


def _end_on_signals() -> None:
    """Ends on these signals as on an interrupt, but keeps signals ignored that `nohup` ignores."""
    for number in END_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(environment: Mapping[str, str], names: Sequence[str] = ()) -> int:
    """Returns the exit code."""
    started_s = time.monotonic()
    _end_on_signals()
    builds = only(e2e_tools.load(), names)
    folder = e2e_tools.cache_folder(environment)
    try:
        if folder.is_complete(builds):
            print(f"all binaries exist: {folder.bin}")
            return 0
        build_missing(builds, folder, environment)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}: check that {folder.path} is writable and its disk has room", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; incomplete files were removed; make e2e-tools continues from here", file=sys.stderr)
        return 130
    minutes, seconds = divmod(round(time.monotonic() - started_s), 60)
    print(f"all binaries exist after {minutes} min {seconds} s: {folder.bin}")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ, sys.argv[1:]))
