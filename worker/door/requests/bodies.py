"""Reads the bodies of requests that decide something. A body that two readers could read differently is not read."""

import json
import re
from collections.abc import Iterable

from shared import documents

JSON_PATCH = "application/json-patch+json"
PATCHES_OF_FIELDS = frozenset({JSON_PATCH, "application/merge-patch+json", "application/strategic-merge-patch+json"})
"""Patches that create nothing."""
_JSON = PATCHES_OF_FIELDS | {"", "application/json"}
_YAML = frozenset({"application/yaml", "application/apply-patch+yaml"})
_NEW_LINES = (b"\r", b"\n", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
_ESCAPES = (rb"\u", rb"\U", rb"\x", *(b"\\" + line for line in _NEW_LINES))
_TAG = re.compile(rb"![^\s,\[\]{}]*")
"""What stands for letters and ends of lines, and what may stand for a text in base64: https://yaml.org/spec/1.2.2/"""
MOST_BYTES = 2 * 1024 * 1024
"""Longest body that is read: etcd stores no object of this size."""
MOST_PARTS = 100_000
"""Most places where a body that is read has another value or field: a million of them would take a second."""
MOST_YAML_BYTES = 64 * 1024
"""Longest body that is read as YAML, which takes a hundred times as long as JSON. kubectl applies JSON."""


class UndecidableError(Exception):
    """The body cannot be read with certainty. The text says why."""


def read(body: bytes, content_type: str) -> dict[str, documents.Value]:
    """Returns the fields of an object in JSON or YAML; scalars of YAML are text. Raises `UndecidableError`.

    The operations of a JSON patch (RFC 6902) are the field `operations` of what is returned.
    """
    if media_type(content_type) not in _JSON | _YAML:
        raise UndecidableError("its content type is neither JSON nor YAML")
    if len(body) > MOST_BYTES:
        raise UndecidableError(f"it has more than {MOST_BYTES} bytes")
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_PARTS:
        raise UndecidableError(f"it has more than {MOST_PARTS} parts")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise UndecidableError("it is not UTF-8") from None
    value = _read(text, media_type(content_type))
    if not isinstance(value, dict):
        raise UndecidableError("it is not an object")
    return value


def may_contain(words: Iterable[str], body: bytes, content_type: str) -> bool:
    """Returns whether a text in YAML may have one of the words in it, spelled in any way, without reading it.

    A text without the word has it only if an escape stands for a part of it, or if it is split across lines.
    """
    if media_type(content_type) not in _YAML or b"\0" in body:
        return True
    if any(each in body for each in (*map(str.encode, words), *_ESCAPES, b"%TAG")):
        return True
    return any(b"binary" in tag or b"%" in tag for tag in _TAG.findall(body))


def _read(text: str, kind: str) -> documents.Value:
    """Returns what a text says. One in YAML is read as JSON if it is: kubectl sends that, and it may be deeper."""
    try:
        value: documents.Value = json.loads(
            f'{{"operations": {text}}}' if kind == JSON_PATCH else text, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError):
        if kind in _JSON or len(text) > MOST_YAML_BYTES:
            raise UndecidableError("it is not JSON") from None
    else:
        return value
    try:
        return documents.load(text)
    except documents.DocumentError as error:
        raise UndecidableError(str(error)) from None


def _unique(pairs: list[tuple[str, documents.Value]]) -> documents.Value:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise UndecidableError("it has a key twice in one object")
    return mapping


def media_type(content_type: str) -> str:
    """Returns the media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()
