"""Reads the protobuf in which kubectl's `create` and `auth` send a few kinds; it has no fallback to JSON.

Only the fields that those commands fill in are known, others are dropped. Field numbers are those of
`generated.proto` in k8s.io/api and k8s.io/apimachinery v0.37; the envelope is that of `runtime.Unknown`.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

MAGIC = b"k8s\x00"

_VARINT, _FIXED_64, _LENGTH_DELIMITED, _FIXED_32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED_64: 8, _FIXED_32: 4}


@dataclass(frozen=True, slots=True)
class Field:
    """`read` takes a length-delimited value; those of a map are merged."""

    name: str
    read: Callable[[bytes], Any] = bytes.decode
    is_map: bool = False


Schema: TypeAlias = dict[int, Field]


def decode(data: bytes) -> dict[str, Any]:
    """Returns the object in its JSON form. Raises ValueError for an invalid protobuf or an unknown kind."""
    if not data.startswith(MAGIC):
        raise ValueError("the envelope of a Kubernetes protobuf is missing")
    envelope = _decode(data[len(MAGIC) :], _ENVELOPE)
    type_meta = envelope.get("typeMeta", {})
    schema = _SCHEMAS.get(type_meta.get("kind", ""))
    if schema is None:
        raise ValueError(f"no protobuf for kind {type_meta.get('kind')}: send JSON, as `kubectl apply` does")
    return {**type_meta, **_decode(envelope.get("raw", b""), schema)}


def _decode(data: bytes, schema: Schema) -> dict[str, Any]:
    message: dict[str, Any] = {}
    for number, value in _values(data):
        field = schema.get(number)
        if field is None or not value:
            continue
        content = field.read(value)
        message[field.name] = {**message.get(field.name, {}), **content} if field.is_map else content
    return message


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Field number and content of the length-delimited ones; numbers are skipped, as no field needs one."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        wire_type = tag & 7
        if wire_type == _VARINT:
            _, position = _varint(data, position)
            continue
        size = _FIXED_SIZES.get(wire_type)
        if size is None:
            size, position = _varint(data, position)
        if position + size > len(data):
            raise ValueError("the protobuf is cut off")
        if wire_type == _LENGTH_DELIMITED:
            yield tag >> 3, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The number, and where it ends."""
    number = shift = 0
    for end, byte in enumerate(data[position:], position + 1):
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, end
        shift += 7
    raise ValueError("the protobuf is cut off")


def _message(name: str, schema: Schema) -> Field:
    return Field(name, lambda data: _decode(data, schema))


def _map(name: str, read: Callable[[bytes], str] = bytes.decode) -> Field:
    def entry(data: bytes) -> dict[str, str]:
        parts = dict(_values(data))
        return {parts.get(1, b"").decode(): read(parts.get(2, b""))}

    return Field(name, entry, is_map=True)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _strings(*names: str) -> Schema:
    return {number: Field(name) for number, name in enumerate(names, 1)}


_ENVELOPE: Schema = {1: _message("typeMeta", _strings("apiVersion", "kind")), 2: Field("raw", bytes)}
_METADATA = _message(
    "metadata",
    {
        1: Field("name"),
        2: Field("generateName"),
        3: Field("namespace"),
        6: Field("resourceVersion"),
        11: _map("labels"),
        12: _map("annotations"),
    },
)
_RESOURCE_ATTRIBUTES = _strings("namespace", "verb", "group", "version", "resource", "subresource", "name")
_ACCESS_REVIEW_SPEC: Schema = {
    1: _message("resourceAttributes", _RESOURCE_ATTRIBUTES),
    2: _message("nonResourceAttributes", _strings("path", "verb")),
}
_SCHEMAS: dict[str, Schema] = {
    "ConfigMap": {1: _METADATA, 2: _map("data"), 3: _map("binaryData", _base64)},
    "Secret": {1: _METADATA, 2: _map("data", _base64), 3: Field("type"), 4: _map("stringData")},
    "Namespace": {1: _METADATA},
    "ServiceAccount": {1: _METADATA},
    "SelfSubjectAccessReview": {1: _METADATA, 2: _message("spec", _ACCESS_REVIEW_SPEC)},
    "SelfSubjectReview": {1: _METADATA},
}
