"""Which stages may follow a `|`, and which of their words are refused with what to do instead."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.command import filters, tokens
from shared.errors import ErrorCode, RequestError

FILTERS = "jq, yq, grep, sed, awk, sort, uniq, head, tail, cut, tr, wc, column"


def check(text: str) -> None:
    """Judges what stands behind the tool's stage."""
    filters.check(tokens.split(f"get pods | {text}")[1:])


def refuse(text: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        check(text)
    return caught.value


HONEST = {
    "chain": "jq -r '.items[].metadata.name' | sort | head -5",
    "jq-text": "jq --arg disk /dev/sda '.[] | select(.path == $disk)'",
    "jq-file": "jq -rf program.jq --slurpfile old old.json",
    "yq": "yq -o=json '.spec'",
    "yq-clusters": "yq -rP -I4 '.spec'",
    "grep-path": "grep /dev/sda",
    "grep-path-behind-a-flag": "grep -e /dev/sda --regexp=/proc/1",
    "grep-glued-pattern": "grep -ve/dev/sda",
    "grep-context": "grep -A 3 -i -- '-Running'",
    "grep-patterns": "grep -f patterns.txt -o .",
    "grep-file-of-the-job": "grep -rn root . values/",
    "sed-address": "sed '/dev/d'",
    "sed-scripts": "sed -n -e '/proc/p' -e 's/i/o/'",
    "sed-glued-script": "sed -Ees/in-place/i/",
    "sed-separate": "sed -s 1q a b",
    "awk-pattern": "awk '/dev/ {print $1}'",
    "awk-separator": "awk -F/ -v d=/dev '/proc/ && $2 == d'",
    "awk-quoted-system": """awk 'BEGIN{system("id")}'""",
    "sort": "sort -t o -k2,2nr -S 10M",
    "sort-glued-separator": "sort -to -k1",
    "tail": "tail -n +2 | tail -n5 | tail -c 9 | tail -5",
    "rest": r"uniq -c | cut -d/ -f2 | tr -d '\n' | wc -l | column -t -s ,",
    "dash": "cut -f1 - | wc -l -",
    "text like a path": "tr /dev/ _ | cut -d /proc -f 2 | jq -n --args '$ARGS' /dev/sda",
}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST.keys())
def test_honest_filter_is_taken(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    ["sh", "bash -c id", "xargs rm", "tee /x", "less", "cat", "python3", "JQ .", "kubectl apply -f -", "head -1 | sh"],
)
def test_anything_else_behind_a_pipe_is_refused_with_the_filters(text: str) -> None:
    error = refuse(text)
    assert error.code is ErrorCode.COMMAND_PIPELINE
    assert FILTERS in error.detail
    assert "another call" in error.detail


def test_refusal_names_the_stage_and_does_not_repeat_the_word() -> None:
    detail = refuse("head -1 | hunter2").detail
    assert detail.startswith("Stage 3 of the pipeline ")
    assert "hunter2" not in detail


@pytest.mark.parametrize("text", ["/bin/sort", "./sort -n", "../jq ."])
def test_filter_with_a_path_is_refused_with_its_name(text: str) -> None:
    error = refuse(text)
    assert error.code is ErrorCode.COMMAND_PIPELINE
    assert "without a path" in error.detail


def test_pipeline_has_at_most_eight_stages() -> None:
    check(" | ".join(["head"] * 7))
    error = refuse(" | ".join(["head"] * 8))
    assert error.code is ErrorCode.COMMAND_PIPELINE
    assert "9 stages; at most 8" in error.detail


HOSTILE = {
    "sed-in-place": ("sed -i s/a/b/ values.yaml", ErrorCode.FLAG_REFUSED),
    "sed-in-place-suffix": ("sed -i.bak s/a/b/ values.yaml", ErrorCode.FLAG_REFUSED),
    "sed-in-place-cluster": ("sed -ni s/a/b/ values.yaml", ErrorCode.FLAG_REFUSED),
    "sed-in-place-long": ("sed --in-place=.bak s/a/b/ values.yaml", ErrorCode.FLAG_REFUSED),
    "sed-in-place-last": ("sed s/a/b/ values.yaml -i", ErrorCode.FLAG_REFUSED),
    "sort-output": ("sort -o /x", ErrorCode.FLAG_REFUSED),
    "sort-output-glued": ("sort -o/x", ErrorCode.FLAG_REFUSED),
    "sort-output-cluster": ("sort -uro /x", ErrorCode.FLAG_REFUSED),
    "sort-output-long": ("sort --output=/x", ErrorCode.FLAG_REFUSED),
    "sort-program": ("sort --compress-program=sh", ErrorCode.FLAG_REFUSED),
    "sort-program-word": ("sort --compress-program sh", ErrorCode.FLAG_REFUSED),
    "sort-folder": ("sort -T /tmp", ErrorCode.FLAG_REFUSED),
    "tail-follow": ("tail -f log", ErrorCode.FLAG_REFUSED),
    "tail-follow-long": ("tail --follow=name log", ErrorCode.FLAG_REFUSED),
    "yq-in-place": ("yq -i .a=1 values.yaml", ErrorCode.FLAG_REFUSED),
    "yq-split": ("yq -s .a values.yaml", ErrorCode.FLAG_REFUSED),
    "yq-system": ("yq --security-enable-system-operator 'system(\"id\")'", ErrorCode.FLAG_REFUSED),
    "later-stage": ("head -5 | sort -o x", ErrorCode.FLAG_REFUSED),
    "proc-operand": ("head /proc/self/environ", ErrorCode.COMMAND_REFUSED),
    "proc-behind-the-terminator": ("head -- /proc/self/environ", ErrorCode.COMMAND_REFUSED),
    "proc-disguised": ("cut -c1- ../../..//proc/./1/environ", ErrorCode.COMMAND_REFUSED),
    "proc-behind-a-pattern": ("grep -a . /proc/self/environ", ErrorCode.COMMAND_REFUSED),
    "proc-where-a-flag-has-the-pattern": ("grep -e . /proc/self/environ", ErrorCode.COMMAND_REFUSED),
    "proc-as-patterns": ("grep -f /proc/self/environ .", ErrorCode.COMMAND_REFUSED),
    "proc-as-patterns-long": ("grep --file=/proc/self/environ .", ErrorCode.COMMAND_REFUSED),
    "proc-in-jq": ("jq --slurpfile x /proc/self/environ .", ErrorCode.COMMAND_REFUSED),
    "proc-as-program": ("awk -f/proc/self/environ", ErrorCode.COMMAND_REFUSED),
    "proc-behind-a-program": ("sed -n p /proc/self/environ", ErrorCode.COMMAND_REFUSED),
    "dev": ("cut -f1 /dev/fd/0", ErrorCode.COMMAND_REFUSED),
}


@pytest.mark.parametrize(("text", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_cannot_work_is_refused_with_what_to_do(text: str, code: ErrorCode) -> None:
    error = refuse(text)
    assert error.code is code
    assert len(error.detail.split()) > 6


def test_registry_names_the_filters_in_their_order() -> None:
    assert ", ".join(filters.NAMES) == FILTERS


@pytest.mark.parametrize("known", filters.FILTERS, ids=filters.NAMES)
def test_what_is_refused_says_what_to_do(known: filters.Filter) -> None:
    assert known.summary
    for why in known.refused_flags.values():
        assert len(why.split()) > 4
        assert not why.endswith(".")


WORDS = st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("-=/efo")), max_size=6)


@given(st.sampled_from(filters.NAMES), WORDS)
def test_no_words_bring_the_reader_down(name: str, words: list[str]) -> None:
    with contextlib.suppress(RequestError):
        filters.check([[name, *words]])
