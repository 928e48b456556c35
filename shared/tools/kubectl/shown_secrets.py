"""Tells which kubectl commands need true values of Secrets."""

from shared.command.masking import Masking
from shared.command.reading import Reading
from shared.tools.class_rules import DRY_RUN

_SHORT_FORMATS = frozenset({"", "name"})
"""Output formats that show no objects."""
_QUIET_LEVELS = range(7)
"""Levels of `-v` at which kubectl does not print the bodies of requests and responses, as it does from 7 on."""


def are_needed(reading: Reading) -> bool:
    """Whether the command writes what it reads of live objects, and prints nothing of it.

    `apply --server-side` may copy an annotation. Without the flag, `apply` computes a patch from masked values: it then
    has all values of its manifest, also those that stay. True ones it would print in some of its errors.
    """
    copies = reading.path == "apply" and reading.has("server-side") and not reading.has(DRY_RUN, "help")
    return copies and (reading.text("output") or "") in _SHORT_FORMATS and not _prints_more(reading)


def masking(reading: Reading) -> Masking | None:
    """Returns what a worker masks in the command's output."""
    return Masking.MESSAGES if are_needed(reading) else None


def _prints_more(reading: Reading) -> bool:
    """Whether kubectl prints by a template, or the bodies of responses (`--vmodule` does so for one source file)."""
    level = reading.last("v")
    is_verbose = level is not None and level.decoded not in _QUIET_LEVELS
    return is_verbose or reading.has("template", "vmodule")
