"""Refuses what a command's words alone say for certain: a named kind, a named namespace.

This is a help for callers, because a refusal in the middle of a command leaves half of its work. The wall is the door,
which judges each request.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.policy.rules import Rule, Words

ALL_NAMESPACES = "all-namespaces"
_DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Named:
    """The kinds that a command names, and the namespaces in which it is certain to act: `*` stands for all."""

    kinds: tuple[str, ...] = ()
    namespace: str = ""
    """Empty if the words do not tell."""

    @property
    def is_everywhere(self) -> bool:
        return self.namespace == "*"

    def is_denied_by(self, rule: Rule) -> bool:
        """Whether the rule denies what is named."""
        of_kind = not rule.kinds or any(_is_one_of(kind, rule.kinds) for kind in self.kinds)
        within = self.is_everywhere or (bool(self.namespace) and _is_one_of(self.namespace, rule.namespaces))
        return of_kind and (not rule.namespaces or within)

    def outside(self, fence: tuple[str, ...]) -> str:
        """Returns why the command is outside the fence; empty if its words do not say that it is."""
        if self.is_everywhere:
            return f"`--{ALL_NAMESPACES}` reaches every namespace"
        is_outside = bool(self.namespace) and not _is_one_of(self.namespace, fence)
        return "it acts in another namespace" if is_outside else ""


def named(words: Words) -> Named:
    """Returns what the words name."""
    grammar, reading = words.tool.grammar, words.reading
    kinds = grammar.kinds(reading)
    if not grammar.is_namespaced(reading):
        return Named(kinds)
    return Named(kinds, "*" if reading.has(ALL_NAMESPACES) else words.namespace or _DEFAULT_NAMESPACE)


def _is_one_of(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
