import json
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import documents
from shared.documents import DocumentError

SECRET = "hunter2"  # in places where a parser's own message would quote it
LETTERS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")))
VALUES = st.recursive(
    st.none() | st.booleans() | LETTERS,
    lambda children: st.lists(children) | st.dictionaries(LETTERS, children),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("a: b\nc: [d, e]", {"a": "b", "c": ["d", "e"]}, id="yaml"),
        pytest.param('{"a": {"b": true}}', {"a": {"b": True}}, id="json"),
        pytest.param(
            "{a: 'true', b: true, c: ~, d: 007}", {"a": "true", "b": True, "c": None, "d": "007"}, id="scalars"
        ),
        pytest.param("a: |\n  b\n  c\n", {"a": "b\nc\n"}, id="block"),
        pytest.param("", None, id="empty"),
        pytest.param("---\na: &anchor b\n...\n", {"a": "b"}, id="anchor-that-nothing-uses"),
    ],
)
def test_plain_documents_are_read(text: str, value: object) -> None:
    assert documents.load(text) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(f"a: &x [{SECRET}]\nb: [*x, *x]", "aliases", id="aliases"),
        pytest.param(f"a: !!python/object/apply:os.system [{SECRET}]", "tags", id="python-tag"),
        pytest.param(f"a: !x {SECRET}", "tags", id="tag"),
        pytest.param(f"a: b\n---\nc: {SECRET}", "more than one document", id="two-documents"),
        pytest.param(f"a: 1\na: {SECRET}", "twice in one mapping (line 2)", id="duplicate-key"),
        pytest.param(f"a: 1\n<<: {{a: {SECRET}}}", "merge keys", id="merge-key"),
        pytest.param(f'{{"a": 1, "a": "{SECRET}"}}', "twice", id="duplicate-key-in-json"),
        pytest.param(f"? [{SECRET}]\n: b", "as a key", id="list-as-a-key"),
        pytest.param(f"a: 'b\nc: {SECRET}", "not valid YAML", id="quote"),
        pytest.param(f"a: b: {SECRET}", "not valid YAML (line 1)", id="mapping-inside-a-line"),
        pytest.param(f"a: {SECRET}\x07", "not valid YAML", id="control-character"),
        pytest.param(f'{{"a": "{SECRET}"', "not valid YAML", id="json-cut-short"),
        pytest.param("[" * 100_000, "nested", id="deep-yaml"),
        pytest.param('{"a":' * 100_000, "nested", id="deep-json-cut-short"),
        pytest.param('{"a":' * 500 + "1" + "}" * 500, "nested", id="deep-json"),
        pytest.param("- a\n" * 60_000, "values", id="many"),
    ],
)
def test_other_documents_are_refused_without_repeating_them(text: str, problem: str) -> None:
    with pytest.raises(DocumentError, match=problem.replace("(", r"\(").replace(")", r"\)")) as caught:
        documents.load(text)
    assert caught.value.__context__ is None
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@given(st.dictionaries(LETTERS, VALUES))
def test_json_reads_the_same_as_yaml(value: dict[str, object]) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert documents.load(text) == value
    assert documents.load(f"--- {text}") == value
