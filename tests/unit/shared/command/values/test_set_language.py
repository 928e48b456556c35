from collections.abc import Callable

import pytest

from shared.command.values import set_language
from shared.command.values.set_language import Assignment
from shared.command.values.types import DecodeError

Read = Callable[[str], tuple[Assignment, ...]]


@pytest.mark.parametrize(
    ("text", "assignments"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("a=b,c.d=e", [(("a",), "b"), (("c", "d"), "e")], id="several"),
        pytest.param("a[0].b[2]=c", [(("a", 0, "b", 2), "c")], id="indexes"),
        pytest.param("a={b,c}d=e", [(("a",), ("b", "c")), (("d",), "e")], id="list-without-a-comma-behind"),
        pytest.param("a={}", [(("a",), ("",))], id="list-of-nothing"),
        pytest.param(r"a\.b=c\,d\\", [(("a.b",), "c,d\\")], id="escapes"),
        pytest.param("a=b\\", [(("a",), "b")], id="escape-of-nothing"),
        pytest.param("a=1,b=-5,c=007,d=0", [(("a",), 1), (("b",), -5), (("c",), "007"), (("d",), 0)], id="numbers"),
        pytest.param("a=9223372036854775808", [(("a",), "9223372036854775808")], id="number-of-more-than-64-bits"),
        pytest.param("a=true,b=FALSE,c=Null", [(("a",), True), (("b",), False), (("c",), None)], id="words"),
        pytest.param("a=", [(("a",), "")], id="no-value"),
        pytest.param("a[0]", [(("a", 0), ())], id="ends-behind-an-index"),
        pytest.param("a.", [(("a", ""), ())], id="ends-behind-a-dot"),
        pytest.param("=x", [(("",), "x")], id="empty-key"),
    ],
)
def test_assignments_are_read(text: str, assignments: list[tuple[tuple[str | int, ...], object]]) -> None:
    assert [(found.keys, found.value) for found in set_language.plain(text)] == assignments


@pytest.mark.parametrize(
    "text",
    [
        *("a", "a,b=c", "a=b,c", "a.b", "a={b", "a={b,c", "a[x]=b", "a[-1]=b", "a[]=b", "a[0]b=c", "a[70000]=b"),
        pytest.param("a." * 31 + "a=b", id="31-dots"),
        pytest.param(f"a[{'9' * 5000}]=b", id="index-of-5000-digits"),
    ],
)
def test_what_helm_would_not_take_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        set_language.plain(text)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (set_language.strings, "a=1", "1"),
        (set_language.strings, "a={true,null}", ("true", "null")),
        (set_language.files, r"a=\/etc/shadow", "/etc/shadow"),
        (set_language.files, r"a=http:\/\/host/x", "http://host/x"),
        (set_language.files, "a={b.txt,-}", ("b.txt", "-")),
        (set_language.files, "a=", None),
        (set_language.literals, r"a=b,c={d}\,", r"b,c={d}\,"),
        (set_language.documents, 'a={"b": [1, 2]}', '{"b": [1, 2]}'),
        (set_language.documents, "a= ,", "null"),
        (set_language.documents, 'a="x,y" \n,', '"x,y"'),
        (set_language.documents, ' {"a": 1}\n', '{"a": 1}'),
    ],
)
def test_each_of_the_family_reads_values_in_its_way(read: Read, text: str, value: object) -> None:
    assert [found.value for found in read(text)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        *("a=nul", "a=[1,", "a=1.", "a=1e", "a=-", "a=NaN", "a=1e999", 'a="\n"', '{"a": 1} b', "{", "a"),
        pytest.param("a=" + "[" * 100_000, id="100,000-brackets"),
    ],
)
def test_value_that_is_not_valid_json_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        set_language.documents(text)
