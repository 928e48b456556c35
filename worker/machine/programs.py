"""Looks for programs in the operator's folder, then on PATH."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Missing:
    """A program that this machine does not have, or cannot use."""

    name: str
    reason: str


def locate(name: str, directory: Path | None) -> Path | None:
    """Returns the real path of a program in `directory` or on PATH."""
    search_path = os.pathsep.join(filter(None, (str(directory) if directory else None, os.environ.get("PATH"))))
    found = shutil.which(name, path=search_path)
    return Path(found).resolve() if found else None
