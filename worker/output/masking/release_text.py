"""Masks a release that helm prints as JSON or YAML."""

import json

from shared.documents import Value
from worker.door.masking import releases, yaml_text
from worker.door.masking.budget import Budget, TooCostlyError
from worker.door.masking.tree import MaskingError

MAX_VALUES = 1_000_000
"""Largest number of values; reading them takes some 200 MB of memory and a few seconds, in a thread."""
_MOST_YAML_CHARACTERS = 64 * 1024 * 1024
"""The whole output, twice, and the manifests in it."""


def mask(text: str) -> str:
    """Masks the text. Raises `MaskingError` if it is neither JSON nor YAML, or not complete, or has too many values."""
    try:
        return _masked(text, Budget(values=MAX_VALUES, yaml_characters=_MOST_YAML_CHARACTERS))
    except TooCostlyError:
        pass
    raise MaskingError(f"it has more than {MAX_VALUES} values")


def _masked(text: str, budget: Budget) -> str:
    if not text.lstrip().startswith(("{", "[")):
        return yaml_text.mask(text, lambda root: releases.changes(root, budget), budget)
    if sum(map(text.count, "{[,")) > MAX_VALUES:
        raise TooCostlyError
    root = _read(text)
    for change in tuple(releases.changes(root, budget)):
        change.make()
    return json.dumps(root, separators=(",", ":"), ensure_ascii=False) + "\n"


def _read(text: str) -> Value:
    try:
        root: Value = json.loads(text)
    except (ValueError, RecursionError):
        pass
    else:
        return root
    # Not raised in the except block: the parser's exception contains the text and would become the context.
    raise MaskingError("it is not complete JSON")
