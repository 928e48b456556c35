"""Tells which kubectl commands print Secrets, and whether a worker can mask the output."""

import re

from shared import documents
from shared.command.masking import Masking
from shared.command.reading import Reading
from shared.documents import DocumentError, Value
from shared.tools.class_rules import DRY_RUN
from shared.tools.kubectl import kinds

TABLE_FORMATS = frozenset({"", "wide", "name"})
"""Output formats in which a Secret shows no values."""
WHOLE_FORMATS = frozenset({"json", "yaml", "kyaml"})
"""Output formats that show whole objects. kubectl accepts them in upper and lower case."""
PRINTING_VERBS = frozenset({"apply", "create", "get", "replace"})
"""First words of the verbs whose output in `WHOLE_FORMATS` is masked."""
CHANGING_VERBS = frozenset({"annotate", "apply", "create", "label", "patch", "replace"})
"""First words of the verbs whose error messages may contain values of a Secret."""
PLAIN_OPERATIONS = frozenset({"add", "remove", "replace"})
"""Operations of a JSON patch (RFC 6902) that reveal no values. The others copy, move or test values."""
QUIET_LEVELS = range(7)
"""Levels of `-v` at which kubectl does not print the bodies of requests and responses, as it does from 7 on."""
_VIEW_LAST_APPLIED = "apply view-last-applied"
_SECRETS = "secrets"
_SORTED_BY = re.compile(r"\{?\.?(kind|type|metadata\.(creationTimestamp|name|namespace|uid|resourceVersion))\}?")
"""Fields that reveal nothing about the values of a Secret."""


def asked(reading: Reading) -> bool:
    """Whether the command may act on Secrets. Objects that it does not name may be Secrets."""
    is_unnamed = reading.has("filename", "kustomize", "prune") and not reading.has("local")
    return is_unnamed or _SECRETS in kinds.acted_on(reading)


def are_needed(reading: Reading) -> bool:
    """Whether the command computes a patch from the live object. The API server does so with `--server-side`."""
    return reading.path == "apply" and not reading.has("server-side", DRY_RUN, "help")


def are_picked(reading: Reading) -> bool:
    """Whether the output shows values of Secrets in a form that a worker cannot mask."""
    if not _are_shown(reading):
        return False
    if reading.path == "annotate" and reading.has("list"):  # one annotation is the Secret as last applied
        return True
    return is_verbose(reading) or _picks(reading) or (_is_whole(reading) and reading.verb[0] not in PRINTING_VERBS)


def masking(reading: Reading) -> Masking | None:
    """Returns what a worker masks in the command's output."""
    if not _are_shown(reading):
        return None
    if reading.path == "diff":
        return Masking.DIFFERENCE
    is_masked = reading.verb[0] in PRINTING_VERBS and _is_whole(reading)
    if is_masked:
        return Masking.OBJECTS
    return Masking.MESSAGES if reading.verb[0] in CHANGING_VERBS else None


def are_copied(reading: Reading) -> bool:
    """Whether a JSON patch of Secrets may copy or compare their values."""
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
    """Whether kubectl prints the bodies of responses, which `--vmodule` does for one file of its source."""
    level = reading.last("v")
    return (level is not None and level.decoded not in QUIET_LEVELS) or reading.has("vmodule")


def _are_shown(reading: Reading) -> bool:
    """Whether the output may show Secrets. `create --dry-run=client` prints only what the caller sent."""
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
