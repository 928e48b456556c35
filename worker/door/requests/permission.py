"""Whether a command may send a request: by its fence, the operator's rules and the limit of its mode or class.

The fence comes first, and no rule overrides it. Then come the rules that deny, then those that allow, then the limit.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.effects import EffectRule, Effects, Limit, SecretValues
from worker.door.requests import kinds, rule_match
from worker.door.requests.effects import Judgement
from worker.door.requests.request_info import RequestInfo

FENCE = "fence"
IDENTITY = "identity"
MASKS = "masks"
"""Rule of requests that would write masks of Secrets, or copy what is masked."""
_RULES_SETTING = "K8S_MCP_SECURITY_CONFIG"
_MODE_SETTING = "K8S_MCP_SECURITY_MODE"
_ANOTHER_IDENTITY = "only questions about one's own rights may be asked in another identity"
_REVIEWS = "`auth can-i` and `auth whoami` with `--as`"
_MOST_CHARACTERS = 200
"""Longest part of a refusal that a command has written into its request."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A request, and what is known about it."""

    info: RequestInfo
    judgement: Judgement
    kind: str = ""
    """What discovery says of the resource; empty if that is not known."""
    is_namespaced: bool = True
    """Whether objects of the resource are in namespaces."""
    is_release: bool = False
    """Whether the request only concerns objects in which helm keeps its releases."""

    @property
    def is_self_review(self) -> bool:
        """Whether it asks what the one who asks may do."""
        return self.info.verb == "create" and (self.info.group, self.info.resource) in kinds.SELF_REVIEWS


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request may not be sent. `rule` is one of `rules_of`."""

    rule: str
    text: str


def rules_of(effects: Effects) -> Iterator[str]:
    """Yields the names of all rules that may refuse a request."""
    yield from (effects.limit, Limit.STRICT)
    yield from (FENCE, IDENTITY, MASKS)
    yield from map(_rule_name, effects.rules)


def refusal(effects: Effects, subject: Subject) -> Refusal | None:
    """Returns why the request may not be sent; None if it may."""
    outside = _outside(effects, subject)
    if outside:
        instead = f"requests in the namespaces {', '.join(effects.fence)}"
        return _refused(subject, FENCE, _RULES_SETTING, why=outside, instead=instead)
    if _is_beyond_reviews(effects, subject):
        return _refused(subject, IDENTITY, _MODE_SETTING, why=_ANOTHER_IDENTITY, instead=_REVIEWS)
    deciding = _deciding(effects, subject)
    if deciding is not None and not deciding.is_allowed:
        return _refused(
            subject, _rule_name(deciding), _RULES_SETTING, why=deciding.why, instead=deciding.instead or "other objects"
        )
    if subject.judgement.credential and not effects.makes_credentials:
        return _made(subject, effects)
    is_allowed = deciding is not None and effects.limit is not Limit.READ
    return None if is_allowed else _beyond_limit(effects, subject)


def _outside(effects: Effects, subject: Subject) -> str:
    """Returns why the request is outside the fence; empty if it is inside, or there is none."""
    info = subject.info
    if not effects.fence:
        return ""
    if info.is_resource and info.namespace and not info.reaches_cluster:
        return "" if rule_match.is_one_of(info.namespace, effects.fence) else "it concerns another namespace"
    if info.is_resource and subject.is_namespaced:
        return "it concerns all namespaces at once"
    return "it changes something that is in no namespace" if subject.judgement.is_change else ""


def _deciding(effects: Effects, subject: Subject) -> EffectRule | None:
    applying = [rule for rule in effects.rules if _applies(rule, subject)]
    denying = (rule for rule in applying if not rule.is_allowed)
    return next(denying, next(iter(applying), None))


def _applies(rule: EffectRule, subject: Subject) -> bool:
    if rule.guards_changes_only and (subject.is_release or not subject.judgement.is_change):
        return False
    return rule_match.applies(rule, subject.info, kind=subject.kind, is_namespaced=subject.is_namespaced)


def _made(subject: Subject, effects: Effects) -> Refusal:
    why = f"it does not allow {subject.judgement.credential}"
    rule = Limit.STRICT if effects.limit is Limit.PERMISSIVE else effects.limit
    return _refused(subject, rule, _MODE_SETTING, why=why, instead="what makes no credentials")


def _beyond_limit(effects: Effects, subject: Subject) -> Refusal | None:
    judgement = subject.judgement
    match effects.limit:
        case Limit.READ if not (judgement.is_read or _is_open_dry_run(effects, subject)):
            why = "its command is a read, and this request is not known to change nothing"
            return _refused(subject, effects.limit, "", why=why, instead="a command that changes something")
        case Limit.READ_ONLY if judgement.is_change:
            why = "the mode does not allow it, and no rule does"
            instead = "reads, and dry runs (`--dry-run=server`)"
            return _refused(subject, effects.limit, _MODE_SETTING, why=why, instead=instead)
        case Limit.STRICT if judgement.strict_refusal:
            why = f"it does not allow {judgement.strict_refusal}"
            instead = "changes of single objects that can be undone"
            return _refused(subject, effects.limit, _MODE_SETTING, why=why, instead=instead)
    return None


def _is_beyond_reviews(effects: Effects, subject: Subject) -> bool:
    is_limited = effects.impersonation is not None and effects.impersonation.in_reviews_only
    return is_limited and subject.info.is_resource and not subject.is_self_review


def _is_open_dry_run(effects: Effects, subject: Subject) -> bool:
    """Whether it is a dry run that tells the command nothing: the door answers it, or values are shown anyway."""
    info = subject.info
    is_of_secret = (info.group, info.resource, info.subresource) == (*kinds.SECRETS, "")
    is_open = effects.secrets is SecretValues.SHOWN or (is_of_secret and info.verb in kinds.VERBS_ANSWERED)
    return subject.judgement.is_dry_run and is_open


def _refused(subject: Subject, rule: str, setting: str, *, why: str, instead: str) -> Refusal:
    by = f"the rule {rule} refuses it ({setting})" if setting else f"the rule {rule} refuses it"
    return Refusal(rule, f"{_named(subject.info)}: {by}: {why}. Allowed instead: {instead}.")


def _named(info: RequestInfo) -> str:
    """Names the request as `kubectl auth can-i` would."""
    if not info.is_resource:
        return _cut(f"{info.verb} {info.path}")
    resource = "/".join(filter(None, (info.resource, info.subresource)))
    name = f" {info.name}" if info.name else ""
    place = f" in the namespace {info.namespace}" if info.namespace and not info.reaches_cluster else ""
    return _cut(f"{info.verb} {resource}{name}{place}")


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _rule_name(rule: EffectRule) -> str:
    return f"rules/{rule.name}"
