"""The caller's own files: which names and sizes are taken. They exist in the job's directory only."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from shared.errors import ErrorCode, RequestError, shown

MAX_DEPTH = 16
MAX_NAME_BYTES = 255


def check(files: Mapping[str, str]) -> None:
    """`RequestError` unless every name is a plain relative path, and none is both a file and a folder."""
    for name in files:
        _check_name(name)
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    if clash := folders & set(files):
        raise RequestError(ErrorCode.FILES_INVALID, f"files: `{shown(min(clash))}` is a file and a folder; rename one.")


def _check_name(name: str) -> None:
    parts = name.split("/")
    if not name.isprintable() or "\\" in name or len(parts) > MAX_DEPTH or not all(map(_is_plain, parts)):
        raise RequestError(
            ErrorCode.FILES_INVALID,
            f"files: `{shown(name)}` is no plain relative path; use names such as 'values.yaml' or 'chart/Chart.yaml'.",
        )


def _is_plain(part: str) -> bool:
    return part not in ("", ".", "..") and len(part.encode()) <= MAX_NAME_BYTES
