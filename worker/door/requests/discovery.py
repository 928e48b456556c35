"""Reads one discovery document of an API server: which resources there are, and under which names.

It reads `APIGroupDiscoveryList` (apidiscovery.k8s.io, v2 and v2beta1) and `APIResourceList`. The server is one of the
caller's choice, so a document that is too large or has another form names no resources, and is no error.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MOST_BYTES = 2 * 1024 * 1024
"""Longest document that is read, unpacked: some five times that of a cluster with a thousand kinds."""
MOST_RESOURCES = 20_000
MOST_OBJECTS = 40_000
"""Most objects in a document that is read. A thousand kinds need some four thousand."""
_BYTES_OF_READ_BYTE = 4
"""Memory that each byte of a document takes when it has been read."""
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of one version of a group."""

    kind: str
    is_namespaced: bool


@dataclass(frozen=True, slots=True)
class Discovery:
    """What one document says."""

    resources: dict[tuple[str, str, str], Resource] = field(default_factory=dict)
    """By group, version and plural."""
    words: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Each word for a resource in lower case (plural, singular, short names and kind), with groups and versions."""

    def knows(self, name: str) -> bool:
        """Whether kubectl finds a resource in the document: by a word, `word.group` or `word.version.group`."""
        word, _, rest = name.lower().partition(".")
        return any(rest in {"", group, f"{version}.{group}"} for group, version in self.words.get(word, ()))


class _Part(BaseModel):
    """A part of a document; servers may add fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _ResponseKind(_Part):
    kind: str = ""


class _AggregatedResource(_Part):
    resource: str
    kind: Annotated[_ResponseKind | None, Field(alias="responseKind")] = None
    scope: str = ""
    singular: Annotated[str, Field(alias="singularResource")] = ""
    short_names: Annotated[tuple[str, ...] | None, Field(alias="shortNames")] = None


class _Version(_Part):
    version: str
    resources: tuple[_AggregatedResource, ...] | None = None


class _Metadata(_Part):
    name: str = ""


class _Group(_Part):
    metadata: _Metadata = _Metadata()
    versions: tuple[_Version, ...] | None = None


class _Aggregated(_Part):
    document: Annotated[Literal["APIGroupDiscoveryList"], Field(alias="kind")]
    items: tuple[_Group, ...] | None = None


class _PlainResource(_Part):
    name: str
    singular: Annotated[str, Field(alias="singularName")] = ""
    namespaced: bool = False
    kind: str = ""
    short_names: Annotated[tuple[str, ...] | None, Field(alias="shortNames")] = None


class _Plain(_Part):
    document: Annotated[Literal["APIResourceList"], Field(alias="kind")]
    group_version: Annotated[str, Field(alias="groupVersion")]
    resources: tuple[_PlainResource, ...] | None = None


_DOCUMENT: TypeAdapter[_Aggregated | _Plain] = TypeAdapter(
    Annotated[_Aggregated | _Plain, Field(discriminator="document")]
)
_Named = tuple[str, str, str, Resource, tuple[str, ...]]
"""Group, version, plural, resource and its other names."""


def parse(body: bytes, content_encoding: str = "") -> Discovery:
    """Returns what the document says; nothing if it is not a discovery document in JSON, or is too long."""
    text = _readable(body, content_encoding)
    try:
        document = _DOCUMENT.validate_json(text)
    except ValidationError:
        return Discovery()
    found = _of_plain(document) if isinstance(document, _Plain) else _of_aggregated(document)
    named = tuple(islice(found, MOST_RESOURCES))
    return Discovery({row[:3]: row[3] for row in named}, _words(named))


def read_bytes(body: bytes, content_encoding: str = "") -> int:
    """Returns how much memory the document takes when it has been read, which is much more than it has packed."""
    return _BYTES_OF_READ_BYTE * len(_readable(body, content_encoding))


def _readable(body: bytes, content_encoding: str) -> bytes:
    """Returns the text of the document; nothing if it is too long or would take too long."""
    text = _unpacked(body) if content_encoding.lower() == "gzip" else body
    return text if len(text) <= MOST_BYTES and text.count(b"{") <= MOST_OBJECTS else b""


def _unpacked(body: bytes) -> bytes:
    """Returns the content of a gzip stream, one byte more than is read at most; nothing if it cannot be unpacked."""
    try:
        return zlib.decompressobj(_GZIP).decompress(body, MOST_BYTES + 1)
    except zlib.error:
        return b""


def _of_aggregated(document: _Aggregated) -> Iterator[_Named]:
    for group in document.items or ():
        for version in group.versions or ():
            for found in version.resources or ():
                kind = found.kind.kind if found.kind else ""
                words = (found.resource, found.singular, kind, *(found.short_names or ()))
                resource = Resource(kind, found.scope == "Namespaced")
                yield group.metadata.name, version.version, found.resource, resource, words


def _of_plain(document: _Plain) -> Iterator[_Named]:
    group, _, version = document.group_version.rpartition("/")
    for found in document.resources or ():
        if "/" not in found.name:
            words = (found.name, found.singular, found.kind, *(found.short_names or ()))
            yield group, version, found.name, Resource(found.kind, found.namespaced), words


def _words(named: Iterable[_Named]) -> dict[str, list[tuple[str, str]]]:
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for group, version, _, _, words in named:
        for word in filter(None, words):
            found[word.lower()].append((group, version))
    return dict(found)
