import contextlib
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.command import tokens
from shared.errors import ErrorCode, RequestError
from shared.models import MAX_COMMAND_CHARACTERS

PRINTABLE = st.text(st.characters(exclude_categories=("Cc", "Cs")))


def refuse(text: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        tokens.split(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("get  pods\t-A", ["get", "pods", "-A"], id="blanks"),
        pytest.param("  get pods \n", ["get", "pods"], id="blanks-at-both-ends"),
        pytest.param("\n\nget pods", ["get", "pods"], id="empty-lines-first"),
        pytest.param("get pods -l 'app in (a,b)'", ["get", "pods", "-l", "app in (a,b)"], id="single-quotes"),
        pytest.param("a 'b'\"c\"d", ["a", "bcd"], id="quotes-inside-a-word"),
        pytest.param("a '' \"\"", ["a", "", ""], id="empty-words"),
        pytest.param(r"a\ b \'c\\", ["a b", "'c\\"], id="escapes"),
        pytest.param("get \\\n pods\\\n-x", ["get", "pods-x"], id="line-continuation"),
        pytest.param(r'"a\"b\\c\$d\`e\n"', [r'a"b\c$d`e\n'], id="escapes-between-double-quotes"),
        pytest.param('"a\\\nb"', ["ab"], id="line-continuation-between-double-quotes"),
        pytest.param("\"5$ a$\" '$HOME'", ["5$ a$", "$HOME"], id="dollar-that-posix-keeps"),
        pytest.param("a 'x\ny' \"z\n\"", ["a", "x\ny", "z\n"], id="newline-in-quotes"),
        pytest.param("a#b x='#'", ["a#b", "x=#"], id="hash-inside-a-word"),
        pytest.param(
            "{a} [b] * ? ~ ! c=d @e f,g %", ["{a}", "[b]", "*", "?", "~", "!", "c=d", "@e", "f,g", "%"], id="plain"
        ),
        pytest.param("label pod x note='a; b && c'", ["label", "pod", "x", "note=a; b && c"], id="operators-in-quotes"),
    ],
)
def test_words_are_cut_as_a_shell_cuts_them(text: str, words: list[str]) -> None:
    assert tokens.split(text) == [words]


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        pytest.param("get po | head -5", [["get", "po"], ["head", "-5"]], id="two"),
        pytest.param("a|b|c", [["a"], ["b"], ["c"]], id="without-blanks"),
        pytest.param("get po -o json|jq '.a|.b'", [["get", "po", "-o", "json"], ["jq", ".a|.b"]], id="pipe-in-quotes"),
        pytest.param(r"create cm x --from-literal='a=b|c'", [["create", "cm", "x", "--from-literal=a=b|c"]], id="text"),
        pytest.param(r'a "b|c" d\|e', [["a", "b|c", "d|e"]], id="between-double-quotes-and-escaped"),
        pytest.param("a ''|''", [["a", ""], [""]], id="empty-words"),
        pytest.param("exec p -- ls | wc -l", [["exec", "p", "--", "ls"], ["wc", "-l"]], id="behind-a-terminator"),
        pytest.param("a |\n\n  b |\\\nc\n", [["a"], ["b"], ["c"]], id="lines-that-end-with-a-pipe"),
    ],
)
def test_pipe_outside_of_quotes_separates_stages(text: str, stages: list[list[str]]) -> None:
    assert tokens.split(text) == stages


@pytest.mark.parametrize(
    ("text", "number"),
    [("|", 1), ("| head", 1), ("a |", 2), ("a | | b", 2), ("a |\n", 2), ("a | b |  ", 3), ("\n| b", 1)],
)
def test_stage_without_words_is_refused(text: str, number: int) -> None:
    error = refuse(text)
    assert error.code is ErrorCode.COMMAND_PIPELINE
    assert f"Stage {number} " in error.detail


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param("get pods; id", "one call", id="semicolon"),
        pytest.param("get pods && id", "one call", id="and"),
        pytest.param("get pods & id", "one call", id="background"),
        pytest.param("get pods\nid", "one call", id="newline"),
        pytest.param("get pods $(id)", "single quotes", id="substitution"),
        pytest.param("get pods `id`", "single quotes", id="backticks"),
        pytest.param("get pods $HOME", "single quotes", id="variable"),
        pytest.param("get pods a$", "single quotes", id="bare-dollar"),
        pytest.param('get "$HOME"', "single quotes", id="variable-between-double-quotes"),
        pytest.param('get "${HOME}"', "single quotes", id="brace-between-double-quotes"),
        pytest.param('get "$(id)"', "single quotes", id="substitution-between-double-quotes"),
        pytest.param('get "$1$@"', "single quotes", id="parameter-between-double-quotes"),
        pytest.param('get "`id`"', "single quotes", id="backticks-between-double-quotes"),
        pytest.param("get pods > /tmp/x", "response", id="redirect-out"),
        pytest.param("apply -f - < x", "stdin", id="redirect-in"),
        pytest.param("get pods || id", "one call", id="or"),
        pytest.param("get pods |& head", "standard error comes back", id="pipe-with-stderr"),
        pytest.param("get pods | head; id", "one call", id="semicolon-in-a-filter"),
        pytest.param("get pods | head && id", "one call", id="and-in-a-filter"),
        pytest.param("get pods | grep $(id)", "single quotes", id="substitution-in-a-filter"),
        pytest.param("get pods | grep `id`", "single quotes", id="backticks-in-a-filter"),
        pytest.param('get pods | awk "{print $1}"', "single quotes", id="expansion-in-a-filter"),
        pytest.param("get pods | sort > /tmp/x", "response", id="redirect-in-a-filter"),
        pytest.param("get pods\n| head", "backslash", id="line-that-begins-with-a-pipe"),
        pytest.param("get pods -l app in (a,b)", "single quotes", id="parentheses"),
        pytest.param("get pods # all", "comments", id="comment"),
    ],
)
def test_shell_syntax_is_refused_with_what_to_use(text: str, hint: str) -> None:
    error = refuse(text)
    assert error.code is ErrorCode.COMMAND_SHELL_SYNTAX
    assert hint in error.detail


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", ErrorCode.COMMAND_EMPTY, id="empty"),
        pytest.param(" \t\n ", ErrorCode.COMMAND_EMPTY, id="blank"),
        pytest.param("\\\n", ErrorCode.COMMAND_EMPTY, id="only-a-continuation"),
        pytest.param("get 'pods", ErrorCode.COMMAND_QUOTES, id="single-quote"),
        pytest.param('get "pods', ErrorCode.COMMAND_QUOTES, id="double-quote"),
        pytest.param('get "pods\\"', ErrorCode.COMMAND_QUOTES, id="escaped-end"),
        pytest.param("get pods\\", ErrorCode.COMMAND_QUOTES, id="backslash-at-the-end"),
        pytest.param("get\0pods", ErrorCode.COMMAND_CHARACTERS, id="nul"),
        pytest.param("get 'po\x1bds'", ErrorCode.COMMAND_CHARACTERS, id="escape-in-quotes"),
        pytest.param("get pods\r\n", ErrorCode.COMMAND_CHARACTERS, id="carriage-return"),
        pytest.param("get \x85 pods", ErrorCode.COMMAND_CHARACTERS, id="c1"),
        pytest.param("get \ud800", ErrorCode.COMMAND_CHARACTERS, id="surrogate"),
        pytest.param("a" * (MAX_COMMAND_CHARACTERS + 1), ErrorCode.COMMAND_TOO_LONG, id="too-long"),
    ],
)
def test_what_is_no_command_is_refused(text: str, code: ErrorCode) -> None:
    assert refuse(text).code is code


@given(st.lists(PRINTABLE, min_size=1))
def test_whatever_shlex_quotes_comes_back(words: list[str]) -> None:
    assert tokens.split(shlex.join(words)) == [words]


@given(st.lists(st.lists(PRINTABLE, min_size=1), min_size=1))
def test_stages_of_quoted_words_come_back(stages: list[list[str]]) -> None:
    assert tokens.split(" | ".join(map(shlex.join, stages))) == stages


@given(st.lists(PRINTABLE, min_size=1))
def test_whatever_is_escaped_letter_by_letter_comes_back(words: list[str]) -> None:
    text = " ".join("".join("\\" + character for character in word) or "''" for word in words)
    assert tokens.split(text) == [words]


@given(st.text(alphabet="ab '\"\t\n=-$#"))
def test_what_is_taken_is_cut_as_shlex_cuts_it(text: str) -> None:
    with contextlib.suppress(RequestError):
        assert tokens.split(text) == [shlex.split(text)]


@given(st.text())
def test_no_text_brings_the_tokenizer_down(text: str) -> None:
    with contextlib.suppress(RequestError):
        assert tokens.split(text)
