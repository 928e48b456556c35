"""Masks a text that is JSON or YAML, whichever it turns out to be."""

from worker.output.masking import json_text, yaml_text
from worker.output.masking.tree import Accepts, Find, Masked


def mask(text: str, find: Find, *, accepts: Accepts = lambda _: True, drops_end: bool = False) -> Masked:
    """`MaskingError` for what is neither, or not `accepts`ed; with `drops_end` the text ends before it instead."""
    masker = json_text.mask if text.lstrip().startswith(("{", "[")) else yaml_text.mask
    return masker(text, find, accepts=accepts, drops_end=drops_end)
