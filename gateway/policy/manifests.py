"""The kinds of the objects in a command's manifests, from the request's own `stdin` and `files`.

What cannot be read as kubectl would read it, or is not in the request, counts as unseen: no rule may take it for
harmless.
"""

from collections.abc import Iterator, Mapping

from shared import documents
from shared.documents import DocumentError, Value
from shared.reading import UNSEEN, Reading
from shared.tools.tool import Grammar

STDIN = "-"


def kinds(grammar: Grammar, reading: Reading, *, stdin: str | None, files: Mapping[str, str]) -> tuple[str, ...]:
    """The kinds in the plural, each once."""
    named = [name for flag in sorted(grammar.manifest_flags) for name in _names(reading, flag)]
    texts = [text for name in named for text in _texts(name, stdin, files)]
    rendered = (UNSEEN,) if reading.has(*grammar.rendered_flags) else ()
    return tuple(dict.fromkeys((*rendered, *(kind for text in texts for kind in _kinds(grammar, text)))))


def _names(reading: Reading, flag: str) -> Iterator[str]:
    for value in reading.values(flag):
        yield from value.split(",")


def _texts(name: str, stdin: str | None, files: Mapping[str, str]) -> list[str | None]:
    """The text of the file, or of each file in the folder; None for one that is not there."""
    if name == STDIN:
        return [stdin]
    plain = name.removeprefix("./").rstrip("/")
    found = [text for path, text in files.items() if path == plain or path.startswith(f"{plain}/") or plain == "."]
    return [*found] or [None]


def _kinds(grammar: Grammar, text: str | None) -> Iterator[str]:
    if text is None:
        yield UNSEEN
        return
    try:
        roots = documents.load_all(text)
    except DocumentError:
        yield UNSEEN
        return
    for root in roots:
        yield from _of_object(grammar, root)


def _of_object(grammar: Grammar, value: Value) -> Iterator[str]:
    if value is None:
        return
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str):
        yield UNSEEN
        return
    items = value.get("items")
    if kind.endswith("List") and isinstance(items, list):
        for item in items:
            yield from _of_object(grammar, item)
    else:
        yield grammar.plural(kind)
