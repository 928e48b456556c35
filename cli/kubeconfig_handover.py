"""Hands a kubeconfig to the gateway so that no file of it exists, or, where the system has no memfd, a private one."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FILE_NAME = "default-kubeconfig"


@dataclass(frozen=True, slots=True)
class Handover:
    """A path that a child can read, and the descriptors it must inherit for that."""

    path: str
    descriptors: tuple[int, ...] = ()


@contextmanager
def handed_over(text: str, runtime: Path) -> Iterator[Handover]:
    """The kubeconfig exists as long as the context, and as long as a process has inherited it."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("kubeconfig", os.MFD_CLOEXEC)
        try:
            _write(descriptor, text)
            yield Handover(f"/proc/self/fd/{descriptor}", (descriptor,))
        finally:
            os.close(descriptor)
    else:
        with _private_file(text, runtime / FILE_NAME) as path:
            yield Handover(str(path))


@contextmanager
def _private_file(text: str, path: Path) -> Iterator[Path]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write(descriptor, text)
        yield path
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def _write(descriptor: int, text: str) -> None:
    with open(descriptor, "wb", closefd=False) as file:
        file.write(text.encode())
