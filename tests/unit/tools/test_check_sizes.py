from pathlib import Path

import pytest

from tools import check_sizes


def function_of(line_count: int, *, header: str = "def long():", docstring: str = "") -> str:
    body = [f"    x{number} = {number}" for number in range(line_count - 1)]
    return "\n".join([header, *([docstring] if docstring else []), *body])


def test_function_of_forty_lines_fits() -> None:
    assert list(check_sizes.check_source(function_of(40), "a.py")) == []


@pytest.mark.parametrize("header", ["def long():", "async def long():"], ids=["plain", "async"])
def test_function_of_forty_one_lines_is_named_with_its_line(header: str) -> None:
    source = "import os\n\n" + function_of(41, header=header)

    assert list(check_sizes.check_source(source, "a.py")) == ["a.py:3: long has 41 lines, at most 40"]


def test_docstring_does_not_count() -> None:
    source = function_of(40, docstring='    """One.\n\n    Two.\n    """')

    assert list(check_sizes.check_source(source, "a.py")) == []


def test_decorators_do_not_count() -> None:
    source = "@decorated(\n    1,\n)\n" + function_of(40)

    assert list(check_sizes.check_source(source, "a.py")) == []


def test_method_counts_like_a_function() -> None:
    method = "\n".join(f"    {line}" for line in function_of(41).splitlines())

    assert list(check_sizes.check_source(f"class A:\n{method}", "a.py")) == ["a.py:2: long has 41 lines, at most 40"]


@pytest.mark.parametrize(
    ("line_count", "finding"), [(400, []), (401, ["a.py: 401 lines, at most 400"])], ids=["fits", "too long"]
)
def test_file_has_at_most_four_hundred_lines(line_count: int, finding: list[str]) -> None:
    assert list(check_sizes.check_source("\n" * line_count, "a.py")) == finding


def test_findings_fail_the_gate_and_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "short.py").write_text("x = 1\n")
    (tmp_path / "nested").mkdir()
    (tmp_path / "nested" / "long.py").write_text("\n" * 401)

    assert check_sizes.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/nested/long.py: 401 lines, at most 400",
        "sizes: 2 files, 1 too long",
    ]


def test_folder_without_python_fails_the_gate(tmp_path: Path) -> None:
    assert check_sizes.main([str(tmp_path)]) == 1
