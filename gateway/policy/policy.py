"""Judges a command before it is queued, and says what its requests may do.

The namespace fence comes first, and no rule loosens it. Then come the rules that deny, then the rules that allow. If no
rule matches, the mode decides. In `strict`, a word that the CLI does not have is refused before all of this. What the
command's words leave open is sealed with it (`shared.effects`), and judged for each of its requests.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateway.policy import early, identity, modes
from gateway.policy.modes import Decision
from gateway.policy.rules import Rule, Rules, Words
from shared import metrics
from shared.command.classes import Classification
from shared.command.invocation import Invocation
from shared.command.masking import Masking
from shared.command.unknown_words import UnknownWord, WordKind
from shared.effects import EffectRule, Effects, Limit, SecretValues
from shared.errors import ErrorCode, RequestError, shown
from shared.models import CommandClass
from shared.settings import SecurityMode
from shared.tools.tool import Tool

SETTING = "K8S_MCP_SECURITY_CONFIG"
_NO_NAMESPACES = "its server knows no namespaces of a cluster"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The classification of a command, the decision about it, and what its requests may do."""

    classified: Classification
    decision: Decision
    effects: Effects
    masking: Masking | None
    """How Secrets in the output are masked; None if the output is not masked."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's mode and rules."""

    mode: SecurityMode
    rules: Rules = field(default_factory=Rules)
    digest: str = ""
    """Digest of the rules' file; empty without a file."""
    refuses_early: bool = True
    """Whether the words of a command are enough to refuse what the door would refuse."""

    @property
    def only_reads(self) -> bool:
        """Whether the policy allows only commands that change nothing."""
        return self.mode is SecurityMode.READ_ONLY and not any(rule.is_allowing for rule in self.rules.rules)

    def check(self, tool: Tool, invocation: Invocation, *, kubeconfig_namespace: str | None) -> Judgement:
        """Returns the judgement. Raises `RequestError` if the command may not run."""
        if refusal := self.refusal(tool, invocation):
            raise refusal
        found = self.judge(tool, invocation, kubeconfig_namespace=kubeconfig_namespace)
        if not found.decision.is_allowed:
            metrics.POLICY_REFUSALS.labels(found.decision.rule).inc()
            raise _denied(invocation, found)
        return found

    def refusal(self, tool: Tool, invocation: Invocation) -> RequestError | None:
        """Returns the error for a word that the CLI does not have, if the mode refuses such words."""
        word = invocation.unknown if self.mode is SecurityMode.STRICT else None
        return _unknown(tool, word) if word else None

    def judge(self, tool: Tool, invocation: Invocation, *, kubeconfig_namespace: str | None) -> Judgement:
        """Judges a command. Without a namespace of its own it acts in `kubeconfig_namespace`."""
        classified = Classification(invocation.command_class, invocation.class_rules)
        words = Words(
            tool,
            invocation.reading,
            classified.command_class,
            needs_cluster=invocation.needs_cluster,
            namespace=invocation.namespace or kubeconfig_namespace or "",
        )
        fitting = [rule for rule in self.rules.rules if rule.fits(words)]
        acting_as = identity.of(words, self.mode, self.rules)
        decision, limit = self._decide(words, classified, fitting)
        if decision.is_allowed:
            decision = identity.refusal(words, acting_as, self.mode) or decision
        shows_all = self.mode is SecurityMode.PERMISSIVE or any(_shows_all(rule) for rule in fitting)
        effects = Effects(
            limit=limit,
            rules=tuple(self._left_open(words)),
            fence=self.rules.namespaces,
            secrets=SecretValues.SHOWN
            if shows_all or tool.grammar.computes_from_live(words.reading)
            else SecretValues.MASKED,
            tunnels=words.command_class is CommandClass.READ and words.reading.path in tool.listening_verbs,
            makes_credentials=self.mode is SecurityMode.PERMISSIVE or any(map(_makes_credentials, fitting)),
            impersonation=acting_as,
        )
        return Judgement(classified, decision, effects, None if shows_all else tool.grammar.masking(words.reading))

    def _decide(self, words: Words, classified: Classification, fitting: Sequence[Rule]) -> tuple[Decision, Limit]:
        """Returns the decision about a command, and the limit of its requests."""
        refusal = self._outside(words) or next(self._denied_by(fitting, words), None)
        if refusal is not None:
            return refusal, Limit.READ
        decision, limit = self._allowed(words, classified, fitting)
        return decision, Limit.READ if words.command_class.changes_nothing else limit

    def _outside(self, words: Words) -> Decision | None:
        fence = self.rules.namespaces
        if not fence or not words.needs_cluster:
            return None
        why = early.named(words).outside(fence) if self.refuses_early else ""
        why = why if words.is_seen_at_the_door else _NO_NAMESPACES
        instead = f"commands that stay in the namespaces {', '.join(fence)} (`-n`)"
        return Decision(False, "fence", why, instead, SETTING) if why else None

    def _denied_by(self, fitting: Sequence[Rule], words: Words) -> Iterator[Decision]:
        named = early.named(words)
        for rule in fitting:
            is_foreseen = self.refuses_early and words.is_seen_at_the_door and named.is_denied_by(rule)
            # What is not seen at the door may do anything in any namespace.
            is_unseen = words.needs_cluster and not words.is_seen_at_the_door and not rule.kinds
            if not rule.is_allowing and (is_foreseen or is_unseen or not rule.depends_on_objects):
                yield _by(rule)

    def _allowed(self, words: Words, classified: Classification, fitting: Sequence[Rule]) -> tuple[Decision, Limit]:
        """Returns what the rules that allow and the mode decide.

        A rule that depends on objects lets a command run that the mode does not allow, but only for these objects.
        """
        by_mode = modes.decide(self.mode, classified, refuses_early=self.refuses_early)
        allowing = [rule for rule in fitting if rule.is_allowing]
        for rule in allowing:
            if not rule.depends_on_objects:
                return _by(rule), Limit.PERMISSIVE
        if by_mode.is_allowed:
            return by_mode, modes.LIMITS[self.mode]
        for rule in allowing:
            if rule.may_fit_requests(words):
                return _by(rule), Limit.READ_ONLY
        return by_mode, Limit.READ

    def _left_open(self, words: Words) -> Iterator[EffectRule]:
        """Yields the rules for the command's requests."""
        for rule in self.rules.rules:
            applies = rule.depends_on_objects and (rule.fits(words) or rule.only_shows(words))
            if applies and rule.may_fit_requests(words):
                yield rule.effect(guards_changes_only=not words.names_kinds)


def _by(rule: Rule) -> Decision:
    way_out = "" if rule.is_allowing else rule.way_out
    return Decision(rule.is_allowing, f"rules/{rule.name}", rule.reason, way_out, SETTING)


def _makes_credentials(rule: Rule) -> bool:
    return rule.is_allowing and CommandClass.CREDENTIAL in rule.classes


def _shows_all(rule: Rule) -> bool:
    return rule.shows_secrets and not rule.depends_on_objects


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
