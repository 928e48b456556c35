"""Tells what is masked in the output of helm commands that write releases, and so read true values."""

from shared.command.masking import Masking
from shared.command.reading import Reading
from shared.tools.class_rules import DRY_RUN

WRITING_RELEASES = frozenset({"install", "rollback", "test", "uninstall", "upgrade"})
_OBJECT_FORMATS = frozenset({"json", "yaml"})


def computes_from_live(reading: Reading) -> bool:
    """Whether the command writes a release, which it computes from the stored ones and from what its chart looks up."""
    return reading.path in WRITING_RELEASES and not reading.has(DRY_RUN, "help")


def prints_values(reading: Reading) -> bool:
    """Whether the command prints values and manifests of the release that it writes, in a text that is not masked."""
    return computes_from_live(reading) and reading.has("debug")


def of(reading: Reading) -> Masking | None:
    """Returns what a worker masks in the command's output."""
    if not computes_from_live(reading):
        return None
    is_object = (reading.text("output") or "").lower() in _OBJECT_FORMATS
    return Masking.RELEASE_OBJECT if is_object else Masking.MESSAGES
