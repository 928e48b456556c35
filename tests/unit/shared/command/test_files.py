import pytest

from shared.command import files
from shared.errors import ErrorCode, RequestError


def refuse(names: list[str]) -> RequestError:
    with pytest.raises(RequestError) as caught:
        files.check(dict.fromkeys(names, "content"))
    assert caught.value.code is ErrorCode.FILES_INVALID
    assert "content" not in caught.value.detail
    return caught.value


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../escape", id="parent"),
        pytest.param("chart/../../escape", id="parent-inside"),
        pytest.param("..", id="only-parent"),
        pytest.param(".", id="only-here"),
        pytest.param("./values.yaml", id="here"),
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("//etc/passwd", id="absolute-twice"),
        pytest.param("", id="empty"),
        pytest.param("chart//values.yaml", id="empty-part"),
        pytest.param("chart/", id="folder"),
        pytest.param("values\0.yaml", id="nul"),
        pytest.param("values\n.yaml", id="newline"),
        pytest.param("values\x1b[31m.yaml", id="escape-sequence"),
        pytest.param("values\u202e.yaml", id="right-to-left"),
        pytest.param("values\ud800.yaml", id="lone-surrogate"),
        pytest.param("chart\\values.yaml", id="backslash"),
        pytest.param("/".join("a" * 17), id="too-deep"),
        pytest.param("a" * 256, id="too-long"),
        pytest.param("ü" * 128, id="too-many-bytes"),
    ],
)
def test_name_that_is_no_plain_relative_path_is_refused(name: str) -> None:
    refuse([name])


def test_one_bad_name_among_good_ones_is_refused() -> None:
    refuse(["values.yaml", "../escape", "chart/Chart.yaml"])


@pytest.mark.parametrize(
    "names",
    [["chart", "chart/Chart.yaml"], ["chart/Chart.yaml", "chart"], ["a/b", "a/b/c/d"]],
    ids=["file-first", "folder-first", "grandparent"],
)
def test_name_that_is_both_file_and_folder_is_refused(names: list[str]) -> None:
    assert "is a file and a folder" in refuse(names).detail


def test_long_name_is_cut_in_the_message() -> None:
    assert len(refuse(["x" * 10_000]).detail) < 300


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([], id="none"),
        pytest.param(["a.yaml"], id="plain"),
        pytest.param(["chart/templates/a.yaml", "chart/templates/b.yaml", "chart/Chart.yaml"], id="chart"),
        pytest.param([".helmignore", "..values", "values..yaml"], id="dots"),
        pytest.param(["my values.yaml", "überwert.yaml", "-f"], id="unusual"),
        pytest.param(["/".join("a" * 16)], id="as-deep-as-may-be"),
        pytest.param(["a" * 255], id="as-long-as-may-be"),
        pytest.param(["chart.yaml", "chart/values.yaml"], id="common-beginning"),
    ],
)
def test_plain_relative_paths_are_taken(names: list[str]) -> None:
    files.check(dict.fromkeys(names, ""))
