"""Which label selectors are valid, as Kubernetes' own tests of its parser have it."""

import pytest

from worker.door.requests import label_selector

VALID = [
    "", " ", "x=a,y=b,z=c", "x!=a,y=b", "x=", "x= ", "x=,z= ", "x= ,z= ", "!x", "! x", "x>1", "x>1,z<5", "x", "x,y",
    "x in (a)", "x in (a,b)", "x notin ( a , b )", "x in ()", "x in (,)", "x in (,a,,b,)", "in in (in,notin)", "in",
    "x=in", "notin notin (notin)", "example.com/name==a_b.c", "\tx\n=\ra", "x==a",
]  # fmt: skip
INVALID = [
    ",", "x=a,", "x=a||y=b", "x==a==b", "!x=a", "!x in (a)", "x in", "x in a", "x in (a", "x in (a b)", "x in a)", "x)",
    "x<a", "x>", "x<1.5", "x>-1", "x > 99999999999999999999", "(x)", "x y", "!!x", "!", "-x", "x=-", "/x", "a/b/c",
    "UPPER.example/x", "x=" + "a" * 64, "a" * 64, "a." * 127 + "/x", "é", "x=a\0", "x ! y", "x=!y", "!,x",
]  # fmt: skip


@pytest.mark.parametrize("selector", VALID)
def test_valid_selector_is_taken(selector: str) -> None:
    label_selector.check(selector)


@pytest.mark.parametrize("selector", INVALID)
def test_invalid_selector_is_an_error(selector: str) -> None:
    with pytest.raises(label_selector.InvalidError):
        label_selector.check(selector)
