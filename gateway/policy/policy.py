"""Judges a command before it is queued: by its class, its effects, its namespaces, and the operator's rules.

The namespace fence comes first, and no rule loosens it. Then come the rules that deny, then the rules that allow. If no
rule matches, the mode decides. In `strict`, a word that the CLI does not have is refused before all of this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.policy import manifests, modes, namespace_fence
from gateway.policy.modes import Decision
from gateway.policy.namespace_fence import TouchedNamespaces
from gateway.policy.rules import Action, Judged, Rule, Rules
from shared import metrics
from shared.command import classes
from shared.command.classes import Classification
from shared.command.invocation import Invocation
from shared.command.masking import Masking
from shared.command.reading import SEVERAL
from shared.command.unknown_words import UnknownWord, WordKind
from shared.errors import ErrorCode, RequestError, shown
from shared.settings import SecurityMode
from shared.tools.tool import Tool

SETTING = "K8S_MCP_SECURITY_CONFIG"
_NAME_IN_FULL = "write the kind with its group (`KIND.GROUP`), because an unknown name may stand for several kinds"
_DOES = {Action.ALLOW: "allows", Action.DENY: "denies"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The classification of a command, the namespaces that it touches, and the decision."""

    classified: Classification
    touched: TouchedNamespaces
    decision: Decision
    masking: Masking | None
    """How Secrets in the output are masked; None if the output is not masked."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's mode and rules."""

    mode: SecurityMode
    rules: Rules = field(default_factory=Rules)
    digest: str = ""
    """Digest of the rules' file; empty without a file."""

    @property
    def only_reads(self) -> bool:
        """Whether the policy allows only commands that change nothing."""
        return self.mode is SecurityMode.READ_ONLY and not any(rule.action is Action.ALLOW for rule in self.rules.rules)

    def check(
        self,
        tool: Tool,
        invocation: Invocation,
        *,
        stdin: str | None,
        files: Mapping[str, str],
        kubeconfig_namespace: str | None,
    ) -> Invocation:
        """Returns the command with the class that its manifests give it. Raises `RequestError` if it may not run."""
        if refusal := self.refusal(tool, invocation):
            raise refusal
        found = self.judge(tool, invocation, stdin=stdin, files=files, kubeconfig_namespace=kubeconfig_namespace)
        if not found.decision.is_allowed:
            metrics.POLICY_REFUSALS.labels(found.decision.rule).inc()
            raise _denied(invocation, found)
        return replace(
            invocation,
            command_class=found.classified.command_class,
            effects=found.classified.effects,
            masking=found.masking,
        )

    def refusal(self, tool: Tool, invocation: Invocation) -> RequestError | None:
        """Returns the error for a word that the CLI does not have, if the mode refuses such words."""
        word = invocation.unknown if self.mode is SecurityMode.STRICT else None
        return _unknown(tool, word) if word else None

    def judge(
        self,
        tool: Tool,
        invocation: Invocation,
        *,
        stdin: str | None,
        files: Mapping[str, str],
        kubeconfig_namespace: str | None,
    ) -> Judgement:
        """Judges a command. Without a namespace of its own it acts in `kubeconfig_namespace`."""
        objects = manifests.objects(tool.grammar, invocation.reading, stdin=stdin, files=files)
        reading = replace(invocation.reading, objects=objects)
        classified = classes.classify(tool.grammar, reading)
        place = namespace_fence.of(
            tool,
            invocation,
            reading,
            kubeconfig_namespace=kubeconfig_namespace,
            trusts_charts=self.rules.trust_charts,
        )
        kinds = (*tool.grammar.kinds(reading), *tool.grammar.hidden_kinds(reading))
        decision = self._decide(Judged(tool, reading, classified.command_class, place, kinds), classified)
        masking = None if self.mode is SecurityMode.PERMISSIVE else tool.grammar.masking(reading)
        return Judgement(classified, place, decision, masking)

    def _decide(self, judged: Judged, classified: Classification) -> Decision:
        if outside := self.rules.outside(judged.touched):
            names = ", ".join(self.rules.namespaces)
            return Decision(False, "fence", outside, f"commands that stay in the namespaces {names} (`-n`)", SETTING)
        if rule := self.rules.deciding(judged):
            return _by(rule, judged)
        return modes.decide(self.mode, classified)


def _by(rule: Rule, judged: Judged) -> Decision:
    is_allowed = rule.action is Action.ALLOW
    why = rule.why or f"it {_DOES[rule.action]} such commands ({rule.says()})"
    instead = "" if is_allowed else rule.instead or f"commands that this rule does not match ({rule.says()})"
    if instead and rule.kinds and SEVERAL in judged.kinds:
        instead += f"; {_NAME_IN_FULL}"
    return Decision(is_allowed, f"rules/{rule.name}", why, instead, SETTING)


def _unknown(tool: Tool, word: UnknownWord) -> RequestError:
    code = ErrorCode.VERB_UNKNOWN if word.kind is WordKind.VERB else ErrorCode.FLAG_UNKNOWN
    meant = f"did you mean `{word.nearest}`?" if word.nearest else "see the verb's `--help`."
    return RequestError(
        code, f"{tool.name} {tool.grammar.table.version} has no {word.kind} `{word.shown}` there: {meant}"
    )


def _denied(invocation: Invocation, found: Judgement) -> RequestError:
    decision = found.decision
    return RequestError(
        ErrorCode.POLICY_DENIED,
        f"`{shown(' '.join(invocation.verb))}` is a {found.classified.command_class} command, and the rule "
        f"{decision.rule} denies it ({decision.setting}): {decision.why}. Allowed instead: {decision.instead}.",
    )
