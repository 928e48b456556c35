"""Masks a text that is either JSON or YAML."""

from worker.door.masking import yaml_text
from worker.door.masking.tree import Accepts, Find, Masked
from worker.output.masking import json_text


def mask(text: str, find: Find, *, accepts: Accepts = lambda _: True, drops_end: bool = False) -> Masked:
    """Masks the text. Raises `MaskingError` if it is neither, or if `accepts` rejects it.

    With `drops_end` the output ends before the part that cannot be masked instead.
    """
    masker = json_text.mask if text.lstrip().startswith(("{", "[")) else yaml_text.mask
    return masker(text, find, accepts=accepts, drops_end=drops_end)
