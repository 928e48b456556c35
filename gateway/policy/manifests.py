"""The objects in a command's manifests, from the request's own `stdin` and `files`: their kinds and namespaces.

What cannot be read as kubectl would read it, or is not in the request, counts as unseen: no rule may take it for
harmless.
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
"""What kubectl's YAML may take for a number or boolean, and the object then for one that names no namespace."""


def objects(
    grammar: Grammar, reading: Reading, *, stdin: str | None, files: Mapping[str, str]
) -> tuple[ManifestObject, ...]:
    """Each object once, without its name."""
    listed = (name for flag in sorted(grammar.manifest_flags) for name in reading.texts(flag))
    texts = _texts({name.removeprefix("./").rstrip("/") for name in listed}, stdin, files)
    rendered = (_UNSEEN,) if reading.has(*grammar.rendered_flags) else ()
    return tuple(dict.fromkeys((*rendered, *(each for text in texts for each in _objects(grammar, text)))))


def _texts(named: Collection[str], stdin: str | None, files: Mapping[str, str]) -> Iterator[str | None]:
    """Each text that is named, once: that of a file, or of each file in a folder; None for one that is not there."""
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
    """kubectl takes whatever has `items` for a list; here it counts as an object too, unless its kind says list."""
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
