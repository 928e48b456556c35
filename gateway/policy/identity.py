"""Reads in which identity a command asks to act: https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/

The API server decides who may take another identity. In every mode, callers may ask what they could do in it.
"""

from gateway.policy.modes import Decision
from gateway.policy.rules import Rules, Words
from shared.effects import Impersonation
from shared.errors import ErrorCode, RequestError
from shared.settings import SecurityMode

_WHY = "it acts in another identity"
_INSTEAD = "`auth can-i` and `auth whoami` in another identity, and other commands in your own"


def of(words: Words, mode: SecurityMode, rules: Rules) -> Impersonation | None:
    """Returns the identity; None if the command acts in the caller's own. Raises `RequestError` if it is not text."""
    flags, reading = words.tool.grammar.identity_flags, words.reading
    user = reading.text(flags.user) if flags else None
    if flags is None or not user:
        return None
    extra = tuple(_pair(text) for text in reading.texts(flags.extra))
    groups, uid = tuple(reading.texts(flags.groups)), reading.text(flags.uid) or ""
    if not all(text.isprintable() for text in (user, uid, *groups, *(part for pair in extra for part in pair))):
        raise RequestError(ErrorCode.FLAG_REFUSED, f"The value of `--{flags.user}` has characters that no name has.")
    return Impersonation(
        user=user, groups=groups, uid=uid, extra=extra, in_reviews_only=not _is_allowed(words, mode, rules)
    )


def refusal(words: Words, identity: Impersonation | None, mode: SecurityMode) -> Decision | None:
    """Returns why the command may not act in the identity; None if it may, or only asks."""
    if identity is None or not identity.in_reviews_only or words.reading.path in words.tool.grammar.self_reviews:
        return None
    return Decision(False, f"{mode}/identity", _WHY, _INSTEAD)


def _is_allowed(words: Words, mode: SecurityMode, rules: Rules) -> bool:
    """A rule that allows it names one of its flags."""
    flags = words.tool.grammar.identity_flags
    naming = (rule for rule in rules.rules if rule.is_allowing and flags and not flags.all.isdisjoint(rule.flags))
    return mode is SecurityMode.PERMISSIVE or any(rule.fits(words) for rule in naming)


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value
