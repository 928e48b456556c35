"""Reads the bodies of requests that decide something. A body that two readers could read differently is not read."""

import json
import re

from shared import documents

JSON_PATCH = "application/json-patch+json"
_JSON = frozenset(
    {"", "application/json", "application/merge-patch+json", "application/strategic-merge-patch+json", JSON_PATCH}
)
_YAML = frozenset({"application/yaml", "application/apply-patch+yaml"})
_ESCAPE = re.compile(rb"\\[uUx\r\n]|!\S*binary|%TAG")
"""Escapes of letters and of ends of lines, and tags that stand for a text in base64: https://yaml.org/spec/1.2.2/"""
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
        text = f'{{"operations": {body.decode()}}}' if media_type(content_type) == JSON_PATCH else body.decode()
        if (media_type(content_type) in _JSON or len(body) > MOST_YAML_BYTES) and not _is_json(text):
            raise UndecidableError("it is not JSON")
        value = documents.load(text)
    except UnicodeDecodeError:
        raise UndecidableError("it is not UTF-8") from None
    except documents.DocumentError as error:
        raise UndecidableError(str(error)) from None
    if not isinstance(value, dict):
        raise UndecidableError("it is not an object")
    return value


def may_contain(word: str, body: bytes, content_type: str) -> bool:
    """Returns whether a body may have the word in it, spelled in any way. It costs much less than to read the body.

    A text without the word has it only if an escape stands for a part of it, or if it is split across lines.
    """
    if media_type(content_type) not in _JSON | _YAML or b"\0" in body:
        return True
    return word.encode() in body or _ESCAPE.search(body) is not None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def media_type(content_type: str) -> str:
    """Returns the media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()
