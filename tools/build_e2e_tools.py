"""Builds what the end-to-end tests need into the user's cache folder: `make e2e-tools`. Arguments name single binaries.

Each binary is built beside its place and then renamed, so that what is there is whole, and a run that was ended goes
on where it stopped. Runs without `.venv`: the standard library is all that it imports.
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
    """`partial` is on the same disk as the folder, and forgotten at the end."""

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
    """So that a name that is there after a power cut has its content too."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _files(path: Path) -> list[Path]:
    """Raises BuildError where there are none."""
    files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file())
    if not files:
        raise BuildError(f"there is no {path}: fix `share` in tests/e2e/tools/{e2e_tools.TABLE_NAME}")
    return files


def _copy(source: Path, target: Path) -> None:
    """Modules are packed without modes: scripts are executable again, and everything can be removed again."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    if source.suffix == ".sh":
        target.chmod(0o755)


@contextmanager
def _locked(folder: CacheFolder) -> Iterator[None]:
    """One at a time: two would build everything twice."""
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
    """Those of runs that were killed go first."""
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
    """Raises BuildError at the first that cannot be built; those before it stay."""
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
    """As an interrupt ends it; but what `nohup` switched off stays off."""
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
            print(f"everything is there: {folder.bin}")
            return 0
        build_missing(builds, folder, environment)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}: see that {folder.path} can be written and its disk has room", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; nothing half-built was kept, and make e2e-tools goes on from here", file=sys.stderr)
        return 130
    minutes, seconds = divmod(round(time.monotonic() - started_s), 60)
    print(f"everything is there after {minutes} min {seconds} s: {folder.bin}")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ, sys.argv[1:]))
