"""What the policy decides about a command of the corpus: in each mode, alone, with a namespace fence and with rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.policy.policy import Policy
from gateway.policy.rules import Rules
from shared.command import parser
from shared.command.invocation import Invocation
from shared.errors import ErrorCode, RequestError
from shared.settings import SecurityMode
from shared.tools import registry
from tests.support import corpus
from tests.support.corpus import FILES, KUBECONFIG_NAMESPACE, NOTHING, Row

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
    row = Row(text, NOTHING)
    tool = registry.find(row.tool)
    try:
        invocation = parser.parse(tool, row.command)
    except RequestError as error:
        return (error.code,)
    words = tuple(
        "".join(_letter(row, invocation, mode, rules) for mode in SecurityMode) for rules in SETTINGS.values()
    )
    judged = Policy(SecurityMode.PERMISSIVE).judge(
        tool, invocation, stdin=row.stdin, files=FILES, kubeconfig_namespace=KUBECONFIG_NAMESPACE
    )
    return (judged.classified.command_class, *words)


def _letter(row: Row, invocation: Invocation, mode: SecurityMode, rules: Rules) -> str:
    try:
        Policy(mode, rules).check(
            registry.find(row.tool),
            invocation,
            stdin=row.stdin,
            files=FILES,
            kubeconfig_namespace=KUBECONFIG_NAMESPACE,
        )
    except RequestError as error:
        return _LETTERS[error.code]
    return RUNS


@dataclass(frozen=True, slots=True)
class Recorded:
    """A command and what was decided about it, or is."""

    text: str
    decided: tuple[str, ...]


def recorded() -> Iterator[Recorded]:
    """Each line of the record."""
    for line in _lines(RECORD):
        columns = line.split(maxsplit=4)
        known = columns[0] in corpus.CLASSES
        text = columns[4] if known else line.split(maxsplit=2)[2]
        yield Recorded(text, tuple(columns[:4]) if known else (columns[0],))


def explained() -> Iterator[tuple[Recorded, Recorded, str]]:
    """Each change: before, now, and its reason."""
    reason = ""
    for line in _lines(CHANGES):
        if line.startswith("="):
            reason = line.removeprefix("=").strip()
            continue
        decided, _, text = line.partition(" : ")
        before, _, now = decided.partition(" > ")
        yield Recorded(text, tuple(before.split())), Recorded(text, tuple(now.split())), reason


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
