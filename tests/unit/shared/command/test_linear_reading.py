"""Reading takes steps in proportion to its input, whatever its shape: steps are counted, and no clock is looked at.

A step is a line of Python that runs, or a character that a function is given or gives back, so that a copy of the rest
for each letter counts as what it costs. Each text is read at three lengths, each twice the one before: of a reading
that is linear the second doubling costs twice what the first one does, of a quadratic one four times.
"""

import base64
import contextlib
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.policy.policy import Policy
from gateway.policy.rules import Rules
from shared.command import files, parser
from shared.errors import ErrorCode, RequestError
from shared.kubeconfig import cluster_access
from shared.settings import SecurityMode
from shared.tools import registry
from shared.tools.tool import Tool

REPEATS = 120
"""Of a unit in the shortest of the three texts; many numbers divide it, so that quotes close in all of them or none."""
MOST_GROWTH = 2.6
"""Of what the second doubling costs to what the first one does."""
MOST_STEPS_PER_CHARACTER = 500
NOISE = 2_000
"""Steps that a doubling may cost beyond that: what happens once, such as a refusal's text."""
LONGEST_DETAIL = 600
"""Characters of a refusal, however long what it refuses is."""
RULES = Rules.model_validate(
    {
        "namespaces": ["shop", "team-*"],
        "rules": [
            {"name": "kinds", "action": "deny", "kinds": ["secrets", "*roles"]},
            {"name": "verbs", "action": "deny", "verbs": ["rollout *", "create secret"]},
            {"name": "flags", "action": "allow", "flags": ["force"], "namespaces": "shop"},
        ],
    }
)
"""Behind the fence and each kind of condition."""


class Steps:
    """Counts steps while it is open. A trace function that was set before continues afterwards."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> "Steps":
        self._before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _called(self, frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any]:
        names = frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount]
        if frame.f_lasti <= 0:  # a generator that goes on is given nothing anew
            self.count += sum(characters(frame.f_locals.get(name)) for name in names)
        return self._stepped

    def _stepped(self, _frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        self.count += characters(argument) if event == "return" else 1
        return self._stepped


def characters(value: object) -> int:
    """Of a text, or of the texts in a tuple."""
    if isinstance(value, tuple):
        return sum(len(each) for each in value if isinstance(each, str))
    return len(value) if isinstance(value, str) else 0


def steps(read: Callable[[str], None], text: str) -> int:
    with Steps() as counted, contextlib.suppress(RequestError):
        read(text)
    return counted.count


def check_linear(
    read: Callable[[str], None], make: Callable[[int], str], *, repeats: int = REPEATS, characters_per_repeat: int = 1
) -> None:
    texts = [make(repeats * 2**doubling) for doubling in range(3)]
    read_once(read, texts[0])
    short, middle, long = (steps(read, text) for text in texts)
    first, second = middle - short, long - middle
    assert second <= MOST_GROWTH * max(first, short) + NOISE, (short, middle, long, texts[0][:80])
    added = (len(texts[2]) - len(texts[1])) * characters_per_repeat
    assert second <= MOST_STEPS_PER_CHARACTER * added + NOISE, (short, middle, long, texts[0][:80])


def read_once(read: Callable[[str], None], text: str) -> None:
    """So that what is made once, such as a table's index, costs none of the counted steps."""
    with contextlib.suppress(RequestError):
        read(text)


def judge(tool: Tool, text: str) -> None:
    """Reads a command and has it judged, by its words and by rules."""
    invocation = parser.parse(tool, text)
    for policy in (Policy(SecurityMode.STRICT), Policy(SecurityMode.PERMISSIVE, RULES)):
        with contextlib.suppress(RequestError):
            policy.check(tool, invocation, kubeconfig_namespace="shop")


OF_KUBECTL = (
    ("", " get pods"),
    ("get pods ", ""),
    ("get pods -", ""),
    ("get pods --", "=x"),
    ("get pods --output=", ""),
    ("get pods -n", ""),
    ("rollout ", " status"),
    ("'", "' get pods"),
    ('get pods -l "', '"'),
    ("get ", " -o yaml"),
    ("get secret x -v=", ""),
    ("label pods x ", ""),
    ("delete -f ", " --force"),
    ("apply -f x,", ""),
    ("get --raw ", ""),
    ("patch secret x --type=json -p '", "'"),
    ("exec p -- ", ""),
    ("create secret generic x --from-file=", ""),
    ("get pods | ", ""),
    ("get pods | grep -", " x"),
    ("get pods | grep ", ""),
    ("get pods | sort -k", ""),
    ("get pods | jq --arg ", ""),
    ("wait pod/x --timeout=", ""),
    ("wait pod/x --for=", ""),
)
OF_HELM = (
    *((f"upgrade x y --{flag} '", "'") for flag in ("set", "set-file", "set-json", "set-literal", "values")),
    ("upgrade x y ", ""),
    ("upgrade x y -", ""),
    ("install ", " -g"),
    ("upgrade x y --timeout ", ""),
)
OF_ISTIOCTL = (("proxy-config routes ", ""), ("analyze ", ""))
OF_ARGOCD = (("app sync ", ""), ("app actions ", ""), ("proj role ", ""))
"""What stands before what is repeated, and behind it."""
UNITS = (
    *("A", "i", "n", "x", "1", "1m", "/", "../", "./", ",", "=", "a=b,", ".", "v1", "-", "_", "'a'", '"a"', "\\\\"),
    *(
        "a ",
        "-A ",
        "-x=1 ",
        "--xa=1 ",
        "-n x ",
        "--what ",
        "--namespace=x ",
        "pod/x ",
        "a=b ",
        "a- ",
        "'' ",
        "- ",
        "-1 ",
    ),
    *(
        "a,",
        "ns/x,",
        "pods.v1.,",
        "-,",
        "x,",
        "./x,",
        "x/,",
        "| head ",
        "|",
        "-e x ",
        "--arg a b ",
        "-k1 ",
        "[",
        "a[0].",
        "a={",
        "{",
        '{"a":',
    ),
)
"""Texts that are repeated."""
SPOTS = [
    *((name, "", "") for name in registry.NAMES),
    *(("kubectl", *around) for around in OF_KUBECTL),
    *(("helm", *around) for around in OF_HELM),
    *(("istioctl", *around) for around in OF_ISTIOCTL),
    *(("argocd", *around) for around in OF_ARGOCD),
]
UNIT = st.sampled_from(UNITS) | st.text("abA-=/,.:'\" |x1", min_size=1, max_size=4)
LAST = st.just("") | st.sampled_from(UNITS)


@example(("kubectl", "get pods -", ""), "A", "")
@example(("kubectl", "get pods | grep -", " x"), "i", "")
@example(("kubectl", "get pods | grep -", " x"), "-", "")
@example(("kubectl", "'", "'"), "a ", "")
@example(("kubectl", "", ""), "a", "b ")
@example(("kubectl", "get pods ", ""), "--xa=1 ", "")
@example(("kubectl", "", ""), "-x=1 ", "A")
@example(("kubectl", "apply -f x,", ""), "x,", "")
@given(st.sampled_from(SPOTS), UNIT, LAST)
def test_command_twice_as_long_takes_twice_the_steps(spot: tuple[str, str, str], unit: str, last: str) -> None:
    name, before, behind = spot
    tool = registry.find(name)
    check_linear(
        lambda text: judge(tool, text), lambda repeats: f"{before}{unit * repeats}{behind} {last * repeats}".rstrip()
    )


@pytest.mark.parametrize(
    "unit", ["a/", "é", "a", "\\", "../", "a" * 200 + "/"], ids=["deep", "wide", "long", "backslash", "up", "folders"]
)
def test_names_of_files_are_read_in_their_steps(unit: str) -> None:
    check_linear(lambda text: files.check({f"{text}x": "", f"y{text}": ""}), lambda repeats: unit * repeats)
    check_linear(
        lambda text: files.check({f"{number}/{unit}x": "" for number in range(len(text))}),
        lambda repeats: "." * repeats,
        characters_per_repeat=len(unit) + 4,
    )


CONTEXT = '- {name: "c%d", context: {cluster: c, user: u}}\n'
KUBECONFIG = """\
current-context: none
clusters:
- {name: c, cluster: {server: "https://k8s.example"}}
users:
- {name: u, user: {token: t}}
contexts:
"""
KUBECONFIGS: dict[str, Callable[[int], str]] = {
    "contexts": lambda repeats: KUBECONFIG + "".join(CONTEXT % number for number in range(repeats)),
    "one name": lambda repeats: KUBECONFIG + CONTEXT % 1 * repeats,
    "long name": lambda repeats: f"{KUBECONFIG}- {{name: {'ab' * repeats}}}",
    "control characters": lambda repeats: f'{KUBECONFIG}- {{name: "{chr(92)}a{"b" * repeats}"}}',
    "depth": lambda repeats: "[" * repeats,
    "mappings": lambda repeats: '{"a":' * repeats,
    "fields": lambda repeats: "".join(f"a{number}: b\n" for number in range(repeats)),
    "digits": lambda repeats: f'{{"a": {"1" * repeats * 30}}}',
    "documents": lambda repeats: "---\na: b\n" * repeats,
    "lines": lambda repeats: "\n" * repeats,
}


@pytest.mark.parametrize("make", KUBECONFIGS.values(), ids=KUBECONFIGS.keys())
def test_kubeconfig_is_read_in_its_steps(make: Callable[[int], str]) -> None:
    def rebuild(text: str) -> None:
        cluster_access.rebuild(text, context=None, allow_loopback=False)

    check_linear(rebuild, make)
    check_linear(lambda text: rebuild(cluster_access.decode(text, allow_yaml=True)), make)
    check_linear(lambda text: rebuild(cluster_access.decode(encoded(text), allow_yaml=True)), make)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


LONG = {
    "cluster": "get pods -{A}",
    "cluster-before-the-verb": "-{A} get pods",
    "unknown-flag-before-the-verb": "--{a} get pods",
    "flag-that-may-take-a-value": "get pods --{a} -x",
    "unknown-verb": "{a} get",
    "verb-of-words": "'{w}'",
    "cluster-of-a-filter": "get pods | grep -{i} x",
    "filter": "get pods | {a}",
    "level": "get secret x -v={n}",
    "path": "apply -f /{a}",
    "below-a-group": "rollout {a}",
}


@pytest.mark.parametrize("mode", [SecurityMode.READ_ONLY, SecurityMode.STRICT])
@pytest.mark.parametrize("pattern", LONG.values(), ids=LONG.keys())
def test_no_refusal_is_longer_than_one_reads(pattern: str, mode: SecurityMode) -> None:
    tool, length = registry.find("kubectl"), 32_000
    text = pattern.format_map(
        {letter: letter * length for letter in "Aai"} | {"n": "1" * length, "w": "a b " * (length // 4)}
    )
    with pytest.raises(RequestError) as refused:
        Policy(mode, RULES).check(tool, parser.parse(tool, text), kubeconfig_namespace="shop")
    assert len(refused.value.detail) < LONGEST_DETAIL


@pytest.mark.parametrize("text", ["get pods -{}", "get pods | grep -{} x", "get pods | sort -{}"])
@pytest.mark.parametrize("length", [33, 1_000, 32_000])
def test_cluster_that_goes_on_and_on_is_named_with_what_to_send_instead(text: str, length: int) -> None:
    letter = "A" if "|" not in text else "i" if "grep" in text else "r"
    with pytest.raises(RequestError) as refused:
        parser.parse(registry.find("kubectl"), text.format(letter * length))
    assert refused.value.code is ErrorCode.FLAG_AMBIGUOUS
    assert f"`-{letter * 7}…`" in refused.value.detail
    assert "as a word of its own" in refused.value.detail


def test_cluster_of_as_many_flags_as_anybody_writes_is_taken() -> None:
    parser.parse(registry.find("kubectl"), f"get pods -{'A' * 31}w | grep -{'i' * 31}e {'x' * 1_000}")
