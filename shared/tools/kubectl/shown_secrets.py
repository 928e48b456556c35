"""Which kubectl commands print Secrets, and in which form: one that a worker can mask, or one that picks values out."""

import re

from shared import documents
from shared.command.masking import Masking
from shared.command.reading import UNSEEN, Reading
from shared.documents import DocumentError, Value
from shared.tools.class_rules import DRY_RUN
from shared.tools.kubectl import kinds

TABLE_FORMATS = frozenset({"", "wide", "name"})
"""Forms of output in which a Secret shows no value."""
WHOLE_FORMATS = frozenset({"json", "yaml", "kyaml"})
"""Forms that show each object as a whole; kubectl takes them in any case."""
PRINTING_VERBS = frozenset({"apply", "create", "get", "replace"})
"""First words of the verbs whose whole forms are masked."""
CHANGING_VERBS = frozenset({"annotate", "apply", "create", "label", "patch", "replace"})
"""First words of the verbs whose error messages may repeat a Secret."""
PLAIN_OPERATIONS = frozenset({"add", "remove", "replace"})
"""Of a JSON patch (RFC 6902): the others copy values to where they are shown, or try them."""
QUIET_LEVELS = range(7)
"""From level 7 on kubectl prints the bodies of requests and answers."""
_VIEW_LAST_APPLIED = "apply view-last-applied"
_SECRETS = "secrets"
_SORTED_BY = re.compile(r"\{?\.?(kind|type|metadata\.(creationTimestamp|name|namespace|uid|resourceVersion))\}?")
"""Fields that say nothing of a value."""


def asked(reading: Reading) -> bool:
    """Objects that nobody saw may be Secrets, and so may those that are pruned."""
    return reading.has("prune") or not {_SECRETS, UNSEEN}.isdisjoint(kinds.acted_on(reading))


def are_picked(reading: Reading) -> bool:
    """Whether values come out in a form in which nobody can tell them from anything else."""
    if not _are_shown(reading):
        return False
    if reading.path == "annotate" and reading.has("list"):  # the whole Secret is among them, as it was applied
        return True
    return is_verbose(reading) or _picks(reading) or (_is_whole(reading) and reading.verb[0] not in PRINTING_VERBS)


def masking(reading: Reading) -> Masking | None:
    """What a worker masks of what the command prints."""
    if not _are_shown(reading):
        return None
    if reading.path == "diff":
        return Masking.DIFFERENCE
    is_masked = reading.verb[0] in PRINTING_VERBS and _is_whole(reading)
    if is_masked:
        return Masking.OBJECTS
    return Masking.MESSAGES if reading.verb[0] in CHANGING_VERBS else None


def are_copied(reading: Reading) -> bool:
    """Whether a JSON patch of Secrets may copy their values, or compare them."""
    if (reading.text("type") or "").lower() != "json" or not asked(reading):
        return False
    try:
        operations = documents.load(reading.text("patch") or "")
    except DocumentError:
        return True
    return not isinstance(operations, list) or not all(map(_is_plain, operations))


def _is_plain(operation: Value) -> bool:
    return isinstance(operation, dict) and operation.get("op") in PLAIN_OPERATIONS


def is_verbose(reading: Reading) -> bool:
    """So that the bodies of answers are shown; `--vmodule` does it for one file of kubectl's source."""
    level = reading.last("v")
    return (level is not None and level.decoded not in QUIET_LEVELS) or reading.has("vmodule")


def _are_shown(reading: Reading) -> bool:
    """A creation that reaches no cluster prints what its request brought."""
    is_own = reading.verb[:1] == ("create",) and reading.text(DRY_RUN) == "client"
    return bool(reading.verb) and asked(reading) and not is_own and not reading.has("help")


def _is_whole(reading: Reading) -> bool:
    return _format(reading).lower() in WHOLE_FORMATS or reading.path == _VIEW_LAST_APPLIED


def _picks(reading: Reading) -> bool:
    sorted_by = reading.text("sort-by")
    by_values = bool(sorted_by) and not _SORTED_BY.fullmatch(sorted_by or "")
    is_known = _format(reading) in TABLE_FORMATS or _is_whole(reading)
    return not is_known or reading.has("template") or by_values


def _format(reading: Reading) -> str:
    return reading.text("output") or ""
