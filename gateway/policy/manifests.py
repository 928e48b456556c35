"""Finds the kinds and namespaces of the objects in a command's manifests, which the request has in `stdin` and `files`.

An object that is not in the request, or cannot be read as kubectl reads it, is unseen. No rule treats it as harmless.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from shared import documents
from shared.command.reading import UNSEEN, ManifestObject, Reading
from shared.documents import DocumentError, Value
from shared.tools.tool import Grammar

STDIN = "-"
_UNSEEN = ManifestObject(UNSEEN)
_MAY_BE_NO_TEXT = re.compile(r"[\d.+-].*|y|n|yes|no|on|off", re.IGNORECASE)
"""Namespaces that kubectl may read as a number or boolean. It then acts as if the object names no namespace."""


def objects(
    grammar: Grammar, reading: Reading, *, stdin: str | None, files: Mapping[str, str]
) -> tuple[ManifestObject, ...]:
    """Returns each object once, without its name."""
    listed = (name for flag in sorted(grammar.manifest_flags) for name in reading.texts(flag))
    texts = _texts({name.removeprefix("./").rstrip("/") for name in listed}, stdin, files)
    rendered = (_UNSEEN,) if reading.has(*grammar.rendered_flags) else ()
    return tuple(dict.fromkeys((*rendered, *(each for text in texts for each in _objects(grammar, text)))))


def _texts(named: Collection[str], stdin: str | None, files: Mapping[str, str]) -> Iterator[str | None]:
    """Yields the text of each named file, and of each file in a named folder, once. Yields None if one is missing."""
    places = {path: [path, *map(str, PurePosixPath(path).parents)] for path in files}
    yield from (text for path, text in files.items() if not {*places[path]}.isdisjoint(named))
    known = {STDIN, *(place for around in places.values() for place in around)}
    if STDIN in named:
        yield stdin
    if not known.issuperset(named):
        yield None


def _objects(grammar: Grammar, text: str | None) -> Iterator[ManifestObject]:
    if text is None:
        yield _UNSEEN
        return
    try:
        roots = documents.load_all(text)
    except DocumentError:
        yield _UNSEEN
        return
    for root in roots:
        yield from _of_document(grammar, root)


def _of_document(grammar: Grammar, value: Value) -> Iterator[ManifestObject]:
    """Yields the document's objects. An object with `items` is also a list, as in kubectl; a `…List` is only a list."""
    if value is None:
        return
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str):
        yield _UNSEEN
        return
    items = value.get("items")
    if items is None or not (kind.endswith("List") and isinstance(items, list)):
        yield _object(grammar, kind, value)
    if isinstance(items, list):
        for item in items:
            yield from _of_document(grammar, item)
    elif items is not None:
        yield _UNSEEN


def _object(grammar: Grammar, kind: str, value: Mapping[str, Value]) -> ManifestObject:
    version, metadata = value.get("apiVersion") or "", value.get("metadata") or {}
    namespace = (metadata.get("namespace") or "") if isinstance(metadata, dict) else None
    if not isinstance(version, str) or not isinstance(namespace, str):
        return _UNSEEN
    group = version.rpartition("/")[0].lower()
    namespaces = ("", namespace) if _MAY_BE_NO_TEXT.fullmatch(namespace) else (namespace,)
    return ManifestObject(grammar.plural(kind), group, namespaces)
