"""Hands a kubeconfig to the gateway in memory, or in a private file on systems without memfd."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FILE_NAME = "default-kubeconfig"


@dataclass(frozen=True, slots=True)
class Handover:
    """A path that a child can read, and the descriptors that the child must inherit for it."""

    path: str
    descriptor: int
    """Descriptor of the same file in this process."""
    descriptors: tuple[int, ...] = ()

    def replace(self, text: str) -> None:
        """Replaces the text. A child that reads at the same moment gets a kubeconfig that is not valid at worst."""
        data = text.encode()
        os.pwrite(self.descriptor, data, 0)
        os.ftruncate(self.descriptor, len(data))


@contextmanager
def handed_over(text: str, runtime: Path) -> Iterator[Handover]:
    """Yields the handover. The kubeconfig exists during the block, and while a process that inherited it runs."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("kubeconfig", os.MFD_CLOEXEC)
        try:
            _write(descriptor, text)
            yield Handover(f"/proc/self/fd/{descriptor}", descriptor, (descriptor,))
        finally:
            os.close(descriptor)
    else:
        path = runtime / FILE_NAME
        with _private_file(text, path) as descriptor:
            yield Handover(str(path), descriptor)


@contextmanager
def _private_file(text: str, path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write(descriptor, text)
        yield descriptor
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def _write(descriptor: int, text: str) -> None:
    with open(descriptor, "wb", closefd=False) as file:
        file.write(text.encode())
