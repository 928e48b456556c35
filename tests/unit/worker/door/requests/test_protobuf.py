"""Kind and name of objects in protobuf."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.door.requests import protobuf


def _field(number: int, content: bytes) -> bytes:
    length = len(content)
    prefix = bytes([length]) if length < 128 else bytes([length & 0x7F | 0x80, length >> 7])
    return bytes([number << 3 | 2]) + prefix + content


def _object(kind: str, metadata: bytes, rest: bytes = b"") -> bytes:
    type_meta = _field(1, b"v1") + _field(2, kind.encode())
    return b"k8s\x00" + _field(1, type_meta) + _field(2, _field(1, metadata) + rest) + _field(3, b"") + _field(4, b"")


def test_kind_and_name_are_found_beside_other_fields() -> None:
    metadata = _field(3, b"shop") + _field(1, b"web") + bytes([7 << 3, 0x96, 0x01])
    rest = _field(2, b"x" * 300) + bytes([9 << 3 | 1, *range(8), 10 << 3 | 5, *range(4)])

    assert protobuf.identified(_object("ConfigMap", metadata, rest)) == ("ConfigMap", "web")


def test_object_without_a_name_has_an_empty_one() -> None:
    assert protobuf.identified(_object("Pod", _field(2, b"web-"))) == ("Pod", "")


def test_secret_of_two_types_is_not_read() -> None:
    types = _field(3, b"Opaque") + _field(3, b"kubernetes.io/service-account-token")

    with pytest.raises(ValueError, match="twice"):
        protobuf.secret_type(_object("Secret", _field(1, b"s"), types))
    assert protobuf.secret_type(_object("Secret", _field(1, b"s"))) == ""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "envelope"),
        (b"{}", "envelope"),
        (b"k8s\x00\x0a", "not complete"),
        (b"k8s\x00\x0a\x05ab", "longer"),
        (b"k8s\x00\x0b", "wire type"),
        (b"k8s\x00" + b"\xff" * 11, "not complete"),
    ],
    ids=["empty", "JSON", "no length", "too short", "a group", "endless number"],
)
def test_what_is_not_such_an_object_is_an_error(body: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        protobuf.identified(body)


@given(st.binary())
def test_nothing_but_a_value_error_comes_of_any_bytes(body: bytes) -> None:
    try:
        kind, name = protobuf.identified(b"k8s\x00" + body)
    except ValueError:
        return
    assert isinstance(kind, str)
    assert isinstance(name, str)
