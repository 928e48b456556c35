import pytest

from shared.command.values.types import Names, ValueType
from shared.tools import registry, table
from shared.tools.table import FlagSpec, Takes


@pytest.mark.parametrize("tool", registry.names())
def test_table_is_written_as_it_is_read(tool: str) -> None:
    assert table.dump(table.load(tool)) == table.path(tool).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("all-namespaces/A", FlagSpec("all-namespaces", "A", Takes.NOTHING, ValueType.BOOL)),
        ("output/o=string", FlagSpec("output", "o", Takes.VALUE, ValueType.STRING)),
        ("filename/f=list(file-or-url)", FlagSpec("filename", "f", Takes.VALUE, ValueType.LIST, Names.FILE_OR_URL)),
        ("set-file=set-file(file)", FlagSpec("set-file", "", Takes.VALUE, ValueType.SET_FILE, Names.FILE)),
        ("dry-run[=]string", FlagSpec("dry-run", "", Takes.OPTIONAL, ValueType.STRING)),
        ("watch", FlagSpec("watch", "", Takes.NOTHING, ValueType.BOOL)),
    ],
)
def test_flag_has_one_spelling(text: str, spec: FlagSpec) -> None:
    assert FlagSpec.parse(text) == spec
    assert str(spec) == text


@pytest.mark.parametrize("text", ["/o", "output=", "output=string()", "watch(file)"])
def test_what_is_no_flag_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a flag"):
        FlagSpec.parse(text)


@pytest.mark.parametrize(
    ("tool", "path", "name", "found"),
    [
        pytest.param("kubectl", "logs", "f", "follow", id="letter-of-one-verb"),
        pytest.param("kubectl", "apply", "f", "filename", id="the-same-letter-of-another"),
        pytest.param("kubectl", "get", "n", "namespace", id="global"),
        pytest.param("kubectl", "", "n", "namespace", id="global-before-the-verb"),
        pytest.param("kubectl", "", "o", None, id="unknown-before-the-verb"),
        pytest.param("kubectl", "get", "h", "help", id="everywhere"),
        pytest.param("kubectl", "get", "dry-run", None, id="of-another-verb"),
        pytest.param("helm", "upgrade", "atomic", "atomic", id="concealed-by-the-help"),
        pytest.param("istioctl", "validate", "log-output-level", "log-output-level", id="spelled-with-underscores"),
    ],
)
def test_flag_is_that_of_its_verb(tool: str, path: str, name: str, found: str | None) -> None:
    spec = table.load(tool).spec(path, name)
    assert (spec.name if spec else None) == found
