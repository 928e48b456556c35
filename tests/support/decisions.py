"""What the policy decides about a command of the corpus: in each mode, alone, with a namespace fence and with rules."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.policy.policy import Judgement, Policy
from gateway.policy.rules import Rules
from shared.command import parser
from shared.command.invocation import Invocation
from shared.errors import ErrorCode, RequestError
from shared.settings import SecurityMode
from shared.tools import registry
from tests.support import corpus, judged
from tests.support.corpus import KUBECONFIG_NAMESPACE, NOTHING, Row

RECORD = Path(__file__).parents[1] / "corpus" / "decisions_by_words.txt"
"""What was decided about each command before the door judged effects."""
CHANGES = RECORD.with_name("decision_changes.txt")

SETTINGS: Mapping[str, Rules] = {
    "alone": Rules(),
    "fence": Rules.model_validate({"namespaces": corpus.FENCE}),
    "rules": Rules.model_validate(
        {
            "rules": [
                {"name": "no-secrets", "action": "deny", "kinds": "secrets", "verbs": ["get", "apply", "patch"]},
                {"name": "no-exec", "action": "deny", "verbs": "exec"},
                {
                    "name": "no-force",
                    "action": "deny",
                    "classes": ["write", "destructive"],
                    "flags": ["force", "grace-period"],
                },
                {"name": "no-other-team", "action": "deny", "namespaces": "x", "classes": ["write", "destructive"]},
                {"name": "restarts", "action": "allow", "verbs": ["rollout restart", "scale"]},
                {
                    "name": "clean-up",
                    "action": "allow",
                    "tools": "kubectl",
                    "verbs": "delete",
                    "kinds": ["pods", "persistentvolumeclaims", "namespaces"],
                    "namespaces": ["shop", "team-*"],
                },
                {"name": "releases", "action": "allow", "tools": "helm", "verbs": ["upgrade", "uninstall"]},
                {"name": "values", "action": "allow", "tools": ["kubectl", "helm"], "classes": "credential"},
            ]
        }
    ),
}
"""The operator's files under which each command is decided. The rules' conditions use all words that a rule can."""
RUNS, DENIED, UNKNOWN = "y", "n", "u"
_LETTERS = {
    ErrorCode.POLICY_DENIED: DENIED,
    ErrorCode.VERB_UNKNOWN: UNKNOWN,
    ErrorCode.FLAG_UNKNOWN: UNKNOWN,
}


def of(text: str) -> tuple[str, ...]:
    """Returns class and decisions: a word for each of `SETTINGS`, in it a letter for each mode, the strictest first.

    Of a command that the parser refuses, the error's code alone.
    """
    try:
        invocation = _invocation(text)
    except RequestError as error:
        return (error.code,)
    return (invocation.command_class, *_words(lambda policy: _letter(policy, invocation)))


def of_request(text: str, request: str) -> tuple[str, ...]:
    """Returns the same words for one request that the command sends, if it runs: with what the door says."""
    invocation = _invocation(text)

    def letter(policy: Policy) -> str:
        if (found := _letter(policy, invocation)) != RUNS:
            return found
        has_way = invocation.needs_cluster and not judged.refusal(_checked(policy, invocation).effects, request)
        return RUNS if has_way else DENIED

    return _words(letter)


def _words(letter: Callable[[Policy], str]) -> tuple[str, ...]:
    return tuple("".join(letter(Policy(mode, rules)) for mode in SecurityMode) for rules in SETTINGS.values())


def _letter(policy: Policy, invocation: Invocation) -> str:
    try:
        _checked(policy, invocation)
    except RequestError as error:
        return _LETTERS[error.code]
    return RUNS


def _checked(policy: Policy, invocation: Invocation) -> Judgement:
    return policy.check(registry.find(invocation.tool), invocation, kubeconfig_namespace=KUBECONFIG_NAMESPACE)


def _invocation(text: str) -> Invocation:
    row = Row(text, NOTHING)
    return parser.parse(registry.find(row.tool), row.command)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A command and what was decided about it, or is."""

    text: str
    decided: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some decisions changed."""

    text: str
    changes: Mapping[Recorded, Recorded]
    """What was decided → what is decided today."""
    requests: Mapping[tuple[str, str], tuple[str, ...]]
    """Command, and a request that it sends → what becomes of it, as words of `of_request`."""


def recorded() -> Iterator[Recorded]:
    """Each line of the record."""
    for line in _lines(RECORD):
        columns = line.split(maxsplit=4)
        known = columns[0] in corpus.CLASSES
        text = columns[4] if known else line.split(maxsplit=2)[2]
        yield Recorded(text, tuple(columns[:4]) if known else (columns[0],))


def explained() -> Iterator[Reason]:
    """Each reason, with its changes and requests."""
    _, *sections = CHANGES.read_text(encoding="utf-8").split("\n= ")
    for section in sections:
        text, *lines = filter(None, section.split("\n"))
        requests = [line.removeprefix("-> ").split(" : ") for line in lines if line.startswith("-> ")]
        changes = [line.split(" : ", 1) for line in lines if not line.startswith("-> ")]
        yield Reason(
            text,
            {
                Recorded(command, _columns(decided, 0)): Recorded(command, _columns(decided, 1))
                for decided, command in changes
            },
            {(command, request): tuple(words.split()) for words, request, command in requests},
        )


def _columns(decided: str, number: int) -> tuple[str, ...]:
    return tuple(decided.split(" > ")[number].split())


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
