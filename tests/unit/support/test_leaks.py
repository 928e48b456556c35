"""The search that other tests rely on finds what is there."""

import base64

import pytest

from tests.support.leaks import leaks

SECRET = "canary0123456789abcdefghij"
AROUND = ["", "x", "xy", "xyz"]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("before", AROUND)
@pytest.mark.parametrize("between", AROUND)
def test_secret_is_found_as_it_is_and_in_base64_and_in_base64_of_that(before: str, between: str) -> None:
    inner = f"{before}{SECRET}{before}"
    texts = [inner, encoded(inner), encoded(f"{between}{encoded(inner)}{between}")]

    assert [leaks(text, SECRET, "another-secret-of-that-length") for text in texts] == [[SECRET]] * 3


def test_bytes_are_searched_too() -> None:
    assert leaks(b"\xff\0" + SECRET.encode(), SECRET) == [SECRET]
    assert leaks(b"\xff\0", SECRET) == []
