"""Tells which helm commands print manifests or values, and in which form."""

from shared.command.masking import Masking
from shared.command.reading import Reading

_SHAPES = {
    "get hooks": Masking.MANIFESTS,
    "get manifest": Masking.MANIFESTS,
    "get values": Masking.VALUES,
    "history": Masking.MESSAGES,
    "template": Masking.MANIFESTS,
    **dict.fromkeys(("get all", "install", "rollback", "status", "test", "upgrade"), Masking.RELEASE),
}
_WITH_OBJECT_FORMS = frozenset({Masking.MESSAGES, Masking.RELEASE})
_OBJECT_FORMATS = frozenset({"json", "yaml"})


def of(reading: Reading) -> Masking | None:
    """Returns what a worker masks in the command's output."""
    shape = None if reading.has("help") else _SHAPES.get(reading.path)
    if shape in _WITH_OBJECT_FORMS and (reading.text("output") or "").lower() in _OBJECT_FORMATS:
        return Masking.RELEASE_OBJECT
    return shape
