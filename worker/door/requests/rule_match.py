"""Whether an operator's rule applies to a request, or to an object in an answer."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from shared.effects import EffectRule
from worker.door.requests.request_info import RequestInfo

_NAMESPACES = ("", "namespaces")
EVERYWHERE = "*"
"""Pattern of all namespaces. Only a rule with it allows a request for all namespaces at once."""


def applies(rule: EffectRule, info: RequestInfo, *, kind: str, is_namespaced: bool) -> bool:
    """Returns whether the rule applies to a request.

    `kind` is what discovery says of the resource, empty if that is not known. `is_namespaced` tells whether objects of
    the resource are in namespaces.
    """
    if not info.is_resource:
        return not (rule.kinds or rule.namespaces)
    return _fits_kind(rule, info, kind) and _fits_namespace(rule, info, is_namespaced=is_namespaced)


def is_one_of(name: str, patterns: Iterable[str]) -> bool:
    """Returns whether the name matches one of the patterns, in which `*` stands for any characters."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _fits_kind(rule: EffectRule, info: RequestInfo, kind: str) -> bool:
    names = [name for name in (info.resource, kind.lower()) if name]
    names += [f"{name}.{info.group}" for name in names]
    return not rule.kinds or any(is_one_of(name, rule.kinds) for name in names)


def _fits_namespace(rule: EffectRule, info: RequestInfo, *, is_namespaced: bool) -> bool:
    """A request for all namespaces reaches each of them, so a rule that denies one applies to it."""
    if not rule.namespaces:
        return True
    if (info.group, info.resource) == _NAMESPACES:
        return not rule.is_allowed and is_one_of(info.name, rule.namespaces)
    if not is_namespaced:
        return False
    if not info.namespace:
        return not rule.is_allowed or EVERYWHERE in rule.namespaces
    return is_one_of(info.namespace, rule.namespaces)
