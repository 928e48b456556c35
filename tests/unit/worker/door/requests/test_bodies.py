"""Which bodies are read, and which are not."""

import pytest

from worker.door.requests import bodies


def test_body_of_many_parts_is_not_read() -> None:
    with pytest.raises(bodies.UndecidableError, match="parts"):
        bodies.read(b'{"a": [' + b"1," * bodies.MOST_PARTS + b"1]}", "application/json")


def test_long_body_of_few_parts_is_read() -> None:
    value = "x" * (bodies.MOST_BYTES // 2)
    assert bodies.read(f'{{"data": {{"a": "{value}"}}}}'.encode(), "application/json") == {"data": {"a": value}}
