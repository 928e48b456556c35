"""Masks a release that helm prints as JSON or YAML."""

import json

from shared.documents import Value
from worker.door.masking import releases, yaml_text
from worker.door.masking.tree import MaskingError

MAX_VALUES = 1_000_000
"""Largest number of values; reading them takes some 200 MB of memory and a few seconds."""


def mask(text: str) -> str:
    """Masks the text. Raises `MaskingError` if it is neither JSON nor YAML, or not complete."""
    if not text.lstrip().startswith(("{", "[")):
        return yaml_text.mask(text, releases.changes)
    if sum(map(text.count, "{[,")) > MAX_VALUES:
        raise MaskingError(f"it has more than {MAX_VALUES} values")
    root = _read(text)
    for change in tuple(releases.changes(root)):
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
