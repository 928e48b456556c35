"""Reads what decides in a message in protobuf: Kubernetes' objects, as helm and `kubectl create` send some kinds, and
what argocd asks its server.

Field numbers are those of `generated.proto` in k8s.io/apimachinery: the envelope `runtime.Unknown`, `TypeMeta` and
`ObjectMeta`. The metadata is the first field of all kinds that have a name. That of a Secret's type is in k8s.io/api.
"""

from collections.abc import Iterator

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MOST_BYTES = 2 * 1024 * 1024
"""Longest object that is read: etcd stores none of this size."""
_MAGIC = b"k8s\x00"
_TYPE_META, _RAW = 1, 2
_KIND = 2
_METADATA = 1
_NAME = 1
_OWNERS = 13
_SECRET_TYPE = 3
_VARINT, _FIXED_64, _LENGTH_DELIMITED, _FIXED_32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED_64: 8, _FIXED_32: 4}
_MOST_VARINT_BYTES = 10
_MOST_TAG = 2**32 - 1
MOST_FIELDS = 100_000
"""Most fields of a message that is read: a million of them would take a second."""
_CONTINUED = 0x80
"""Set in each byte of a number but the last."""


def identified(body: bytes) -> tuple[str, str]:
    """Returns kind and name. Raises `ValueError` if the body is not such an object."""
    envelope = _envelope(body)
    kind = _field(_field(envelope, _TYPE_META), _KIND)
    name = _field(_field(_field(envelope, _RAW), _METADATA), _NAME)
    return kind.decode(), name.decode()


def secret_type(body: bytes) -> str:
    """Returns the type of a Secret, empty if it names none. Raises `ValueError` if the body is not an object."""
    return _field(_field(_envelope(body), _RAW), _SECRET_TYPE).decode()


def has_owners(body: bytes) -> bool:
    """Returns whether the object has references to owners. Raises `ValueError` if the body is not an object."""
    metadata = _field(_field(_envelope(body), _RAW), _METADATA)
    return any(number == _OWNERS for number, _ in _contents(metadata))


def _envelope(body: bytes) -> bytes:
    if not body.startswith(_MAGIC) or len(body) > MOST_BYTES:
        raise ValueError("the envelope is missing, or it is too long")
    return body[len(_MAGIC) :]


def content(message: bytes, wanted: int) -> bytes:
    """Returns the content of a field, empty without it. Raises `ValueError` if the message is not valid."""
    return _field(message, wanted)


def number(message: bytes, wanted: int) -> int:
    """Returns the number in a field, 0 without it. Raises `ValueError` if the message is not valid."""
    found = 0
    for field, value in _values(message):
        if field == wanted and isinstance(value, int):
            found = value
    return found


def _field(message: bytes, wanted: int) -> bytes:
    """Returns the content of a field, empty without it. Raises `ValueError` if it is there twice: servers merge it."""
    found = [content for field, content in _contents(message) if field == wanted]
    if len(found) > 1:
        raise ValueError("a field is there twice")
    return found[0] if found else b""


def _contents(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields number and content of each field that has a length."""
    for field, value in _values(message):
        if isinstance(value, bytes):
            yield field, value


def _values(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yields number and value of each field that has a length or is a number."""
    position = fields = 0
    while position < len(message):
        fields += 1
        tag, position = _varint(message, position)
        if tag > _MOST_TAG or fields > MOST_FIELDS:
            raise ValueError("a field has no number that all readers read alike, or there are too many")
        field, wire_type = tag >> 3, tag & 7
        if wire_type == _LENGTH_DELIMITED:
            length, position = _varint(message, position)
            yield field, message[position : position + length]
            position += length
        elif wire_type == _VARINT:
            value, position = _varint(message, position)
            yield field, value
        elif wire_type in _FIXED_SIZES:
            position += _FIXED_SIZES[wire_type]
        else:
            raise ValueError(f"unknown wire type {wire_type}")
    if position > len(message):
        raise ValueError("a field is longer than its message")


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Returns a number and the position after it."""
    number = 0
    for index, byte in enumerate(message[position : position + _MOST_VARINT_BYTES]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < _CONTINUED:
            return number, position + index + 1
    raise ValueError("a number is not complete")
