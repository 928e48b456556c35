"""What the real kubectl asks an API server for, against what our reading of the same words says.

Policy judges the reading and kubectl runs the words: where they disagree, a command does what nobody allowed. What our
reading refuses is not run; what kubectl refuses asks for nothing.
"""

import asyncio
import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.policy import early
from gateway.policy.rules import Words as Judged
from shared.command import parser
from shared.command.invocation import Invocation
from shared.command.reading import Reading
from shared.errors import RequestError
from shared.tools.kubectl import definition as kubectl
from shared.tools.kubectl import kinds as kubectl_kinds
from shared.tools.kubectl import scope
from tests.support import cli
from tests.support.api_server import ApiServer

EXAMPLES = 100
"""The same ones each time; `--hypothesis-profile=fuzz` tries thousands of others."""
RUN_TIMEOUT_S = 60.0
KUBECONFIG_NAMESPACE = "default"
PATH = re.compile(
    r"(?P<method>\w+) /(?:api/v1|apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?!/status$))?/(?P<kind>[^/]+)"
    r"(?:/(?P<name>[^/]+))?(?:/.+)?"
)
"""A request for objects; those with which kubectl learns of the server are none."""

Words = list[str]

WORDS = ("shop", "get", "delete", "pods", "default", "web-1")
"""For names and namespaces: those of verbs and kinds too."""
KINDS = (
    *("pods", "pod", "po", "Pod", "pods.", "pods.v1.", "deploy", "deployments", "deployments.apps", "deploy.v1.apps"),
    *("cm", "configmaps", "secrets", "svc", "service", "sa", "rs", "replicasets.apps", "ns", "namespaces", "namespace"),
)
EVERYWHERE = (
    *(["--request-timeout=5s"], ["--request-timeout", "5s"], ["--request_timeout", "5s"], ["-v=0"], ["-v", "1"]),
    *(["--warnings-as-errors"], ["--warnings-as-errors=false"], ["--v=1"], ["--context", "test"]),
)
SELECTING = (["-l", "a=b"], ["-la=b"], ["--selector=a=b"], ["--selector", "get"], ["-A"], ["--all-namespaces"])
OF_VERB: dict[str, tuple[Words, ...]] = {
    "get": (
        *SELECTING,
        *(["-o", "name"], ["-oname"], ["-o=name"], ["--output", "name"], ["-Aoname"], ["-Ao", "name"], ["-Al", "a=b"]),
        *(["-A=false"], ["--all_namespaces=true"], ["--all-namespaces=0"], ["-L", "app"], ["--show-labels"]),
        *(["--no-headers"], ["--ignore-not-found"], ["--chunk-size", "0"], ["--watch=false"], ["-w=false"]),
        *(["--field-selector", "metadata.name=x"], ["--subresource", "status"], ["-An", "shop"], ["-Anshop"]),
    ),
    "delete": (
        *SELECTING,
        *(["--now"], ["--force"], ["--grace-period", "0"], ["--grace-period=1"], ["--cascade=orphan"], ["--all"]),
        *(["--cascade", "orphan"], ["--ignore-not-found"], ["-oname"], ["-o", "name"], ["--timeout", "5s"]),
    ),
    "label": (*SELECTING[:4], ["--overwrite"], ["--list"], ["--all"], ["--resource-version", "1"], ["-A"]),
    "annotate": (*SELECTING[:4], ["--overwrite"], ["--list=false"], ["--all"], ["--field-manager", "delete"]),
    "patch": (["--type", "merge"], ["--type=merge"], ["--field-manager=get"], ["--subresource", "status"]),
    "create configmap": (["--from-literal=a=b"], ["--from-literal", "a=b"], ["--append-hash"], ["-oname"]),
    "create cm": (["--from-literal", "get=pods"], ["--field-manager", "pods"]),
    "logs": (["--tail", "1"], ["--tail=1"], ["-c", "x"], ["-cx"], ["-p"], ["-pc", "x"], ["--prefix"], ["--since=1s"]),
    "rollout restart": (["-l", "a=b"], ["--field-manager", "get"]),
    "rollout history": (["--revision=1"], ["--revision", "1"], ["-l", "a=b"]),
}
NEEDED: dict[str, Words] = {"delete": ["--wait=false"], "patch": ["-p", '{"metadata":{"labels":{"a":"b"}}}']}
BESIDE = {"rollout history": {"replicasets"}, "logs": {"pods"}}
"""Kinds that a verb reads to tell of what it was asked for."""
PAIRS = {"label": ("a=b", "c-"), "annotate": ("a=b", "get=delete", "c-")}


@dataclass(frozen=True)
class Hit:
    """One request; `namespace` and `name` are None where its path has none."""

    method: str
    namespace: str | None
    kind: str
    name: str | None


@dataclass(frozen=True)
class Kubectl:
    """The real one, run without the product, on a server of its own."""

    path: Path
    home: Path
    server: ApiServer

    def hits(self, arguments: tuple[str, ...]) -> tuple[int, set[Hit]]:
        """Its exit code, and what it asked for."""
        before = self._requests()
        ended = subprocess.run(
            [self.path, *arguments],
            capture_output=True,
            check=False,
            env={"HOME": str(self.home), "KUBECONFIG": str(self.home / "kubeconfig")},
            stdin=subprocess.DEVNULL,
            timeout=RUN_TIMEOUT_S,
        )
        matches = [PATH.fullmatch(request) for request in self._requests() - before]
        return ended.returncode, {Hit(**match.groupdict()) for match in matches if match}

    def _requests(self) -> Counter[str]:
        return Counter(asyncio.run(self.server.requests()))


@pytest.fixture
def real_kubectl(tmp_path: Path) -> Iterator[Kubectl]:
    with ApiServer.start() as server:
        (tmp_path / "kubeconfig").write_text(server.kubeconfig(namespace=KUBECONFIG_NAMESPACE))
        yield Kubectl(cli.find("kubectl"), tmp_path, server)


@st.composite
def commands(draw: st.DrawFn) -> Words:
    """A command's words, its flags wherever they may stand, and some where they may not."""
    verb = draw(st.sampled_from(sorted(OF_VERB)))
    own = draw(st.lists(st.sampled_from(OF_VERB[verb]), max_size=3))
    common = draw(st.lists(st.sampled_from(EVERYWHERE), max_size=2))
    names = draw(st.lists(st.sampled_from(WORDS), max_size=1)) if draw(st.integers(0, 3)) else []
    flags = [*own, *common, *(draw(namespace_flags(name)) for name in names)]
    needed = [NEEDED[verb]] if verb in NEEDED else []
    behind = draw(mixed([*flags, *needed], draw(operands(verb))))
    if draw(st.integers(0, 3)):
        return [*verb.split(), *behind]
    early = draw(st.sampled_from([*common, *own, *(draw(namespace_flags(name)) for name in WORDS[:3])]))
    return [*early, *verb.split(), *behind]


@st.composite
def namespace_flags(draw: st.DrawFn, name: str) -> Words:
    return draw(
        st.sampled_from([["-n", name], [f"-n{name}"], [f"-n={name}"], ["--namespace", name], [f"--namespace={name}"]])
    )


@st.composite
def operands(draw: st.DrawFn, verb: str) -> list[Words]:
    """What the verb acts on, in their order."""
    names = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=2))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=2))
    pairs = [[pair] for pair in draw(st.lists(st.sampled_from(PAIRS.get(verb, ("",))), max_size=2)) if pair]
    if verb.startswith("create "):
        return [[names[0]]]
    if verb == "logs":
        return [[draw(st.sampled_from([names[0], f"pod/{names[0]}", f"{kinds[0]}/{names[0]}"]))]]
    several = [[f"{kind}/{name}"] for kind, name in zip(kinds, names, strict=False)]
    ways = [[[kinds[0]], *([name] for name in names)], several, [[",".join(kinds)]], [[kinds[0]], [",".join(names)]]]
    return [*draw(st.sampled_from(ways)), *pairs]


@st.composite
def mixed(draw: st.DrawFn, flags: list[Words], operands: list[Words]) -> Words:
    """Flags in any order between the operands; some operands behind `--`."""
    left, words = list(draw(st.permutations(flags))), list[str]()
    for number, operand in enumerate(operands):
        while left and draw(st.sampled_from([True, False])):
            words += left.pop()
        if not left and number == len(operands) - 1 and draw(st.integers(0, 4)) == 0:
            words.append("--")
        words += operand
    return [*words, *(word for flag in left for word in flag)]


def test_kubectl_asks_for_what_our_reading_says(real_kubectl: Kubectl) -> None:
    ran: Counter[bool] = Counter()

    @given(commands(), st.none() | st.sampled_from(WORDS))
    def compare(words: Words, namespace: str | None) -> None:
        try:
            invocation = parser.parse(kubectl.TOOL, shlex.join(words), namespace=namespace)
        except RequestError:
            return
        exit_code, hits = real_kubectl.hits(invocation.arguments)
        ran[bool(hits)] += 1
        hits -= _courtesy(invocation)
        _compare_place(invocation, hits)
        _compare_objects(invocation.reading, hits, is_whole=exit_code == 0)
        _compare_verb(invocation, hits)

    tried = settings.get_profile("fuzz").max_examples if settings.default is settings.get_profile("fuzz") else None
    settings(
        max_examples=tried or EXAMPLES,
        derandomize=tried is None,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )(compare)()

    assert ran[True] > sum(ran.values()) / 3, "most commands reach the server"


def _courtesy(invocation: Invocation) -> set[Hit]:
    """kubectl looks whether the namespace is there in which it has not found something."""
    own = invocation.namespace or KUBECONFIG_NAMESPACE
    is_meant = "namespaces" in kubectl_kinds.kinds(invocation.reading) and own in _named(invocation.reading)
    return set() if is_meant else {Hit("GET", None, "namespaces", own)}


def _named(reading: Reading) -> set[str]:
    return {operand.rpartition("/")[2] for operand in reading.operands}


def _compare_place(invocation: Invocation, hits: set[Hit]) -> None:
    """Each request lies in a namespace that a fence looks at; one goes further only where the fence is told so."""
    reading = invocation.reading
    judged = Judged(
        kubectl.TOOL, reading, invocation.command_class, namespace=invocation.namespace or KUBECONFIG_NAMESPACE
    )
    named = early.named(judged)
    asked = {hit.namespace for hit in hits}
    if named.namespace and not named.is_everywhere:
        assert asked <= {named.namespace}
    if not reading.has("all-namespaces"):
        assert asked <= {invocation.namespace or KUBECONFIG_NAMESPACE, None}


def _compare_objects(reading: Reading, hits: set[Hit], *, is_whole: bool) -> None:
    kinds = {*kubectl_kinds.kinds(reading)}
    asked = {hit.kind for hit in hits}
    if not reading.has(*scope.OF_ANY_KIND):
        assert asked <= kinds | BESIDE.get(reading.path, set())
    if is_whole and hits:
        assert kinds <= asked
    if all(hit.name for hit in hits):  # else they may come from a list
        assert {hit.name for hit in hits if hit.name} <= _named(reading)


def _compare_verb(invocation: Invocation, hits: set[Hit]) -> None:
    methods = {hit.method for hit in hits} - {"GET"}
    assert not (methods and invocation.command_class.changes_nothing)
    assert ("DELETE" in methods) <= (invocation.verb == ("delete",))
    assert ("POST" in methods) <= (invocation.verb[0] == "create")
    assert ("PATCH" in methods) <= (invocation.verb[0] in ("label", "annotate", "patch", "rollout"))
