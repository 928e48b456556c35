"""An operator's rules and namespace fence, as in their file, and the test of whether a rule matches a command.

If a command names several kinds, a deny rule matches when it names one of them, an allow rule only when it names all of
them. An unknown kind may stand for several kinds: a deny rule on kinds always matches it, an allow rule only by the
name that the operator wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from gateway.policy import rule_words
from gateway.policy.namespace_fence import TouchedNamespaces
from shared.command.reading import SEVERAL, UNSEEN, Reading
from shared.models import CommandClass
from shared.tools.tool import Tool

CONDITIONS = ("tools", "verbs", "classes", "kinds", "namespaces", "flags")


class Action(StrEnum):
    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Judged:
    """The facts about a command that a rule tests."""

    tool: Tool
    reading: Reading
    command_class: CommandClass
    touched: TouchedNamespaces
    kinds: tuple[str, ...]
    """Kinds that the command names, with `UNSEEN` or `SEVERAL` if it may act on more."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Word = Annotated[StrictStr, Field(min_length=1)]
Words = Annotated[tuple[Word, ...], BeforeValidator(_listed), Field(min_length=1)]
NONE: Words = ()


class Rule(BaseModel):
    """One rule. It matches a command that meets all given conditions. `*` in a word stands for any characters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: StrictStr = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    action: Action
    tools: Annotated[Words, AfterValidator(rule_words.checked_tools)] = NONE
    verbs: Words = NONE
    """Verb paths. A path matches the verbs below it too."""
    classes: Annotated[Words, AfterValidator(rule_words.checked_classes)] = NONE
    kinds: Words = NONE
    namespaces: Words = NONE
    flags: Words = NONE
    """Long names of flags. The rule matches commands that have at least one of them switched on."""
    why: StrictStr = ""
    instead: StrictStr = ""

    @field_validator("verbs", "flags")
    @classmethod
    def _words_are_known(cls, words: Sequence[str], info: ValidationInfo) -> Sequence[str]:
        tools = rule_words.tools(info.data.get("tools", ()))
        if info.field_name == "verbs":
            for pattern in words:
                rule_words.check_verb(tools, pattern)
            return words
        flags = tuple(rule_words.checked_flag(tools, name) for name in words)
        if info.data.get("action") is Action.ALLOW:
            for flag in flags:
                rule_words.check_allowable(tools, flag)
        return flags

    @field_validator("kinds")
    @classmethod
    def _kinds_are_plural(cls, kinds: Sequence[str], info: ValidationInfo) -> Sequence[str]:
        return rule_words.plurals(rule_words.tools(info.data.get("tools", ())), kinds)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any(getattr(self, condition) for condition in CONDITIONS):
            raise ValueError(f"names none of {', '.join(CONDITIONS)}, so it would match every command")
        if self.action is Action.ALLOW and CommandClass.INTERACTIVE in self.classes:
            raise ValueError("allows the class interactive, but commands have no terminal")
        return self

    def fits(self, judged: Judged) -> bool:
        """Returns whether the rule matches the command."""
        reading = judged.reading
        return (
            (not self.tools or judged.tool.name in self.tools)
            and (not self.verbs or any(_is_below(reading.verb, pattern) for pattern in self.verbs))
            and self._fits_class(judged.command_class)
            and (not self.kinds or self._fits_kinds(judged.kinds))
            and (not self.namespaces or self._fits_namespaces(judged.touched))
            and (not self.flags or reading.has(*self.flags))
        )

    def _fits_class(self, command_class: CommandClass) -> bool:
        """Returns whether the class matches. An allow rule must name `credential`, and never matches `interactive`."""
        if self.action is Action.ALLOW and command_class is CommandClass.INTERACTIVE:
            return False
        if self.action is Action.ALLOW and command_class is CommandClass.CREDENTIAL:
            return command_class in self.classes
        return not self.classes or command_class in self.classes

    def _fits_kinds(self, kinds: Sequence[str]) -> bool:
        if self.action is Action.DENY:
            return any(kind in (UNSEEN, SEVERAL) or _is_one_of(kind, self.kinds) for kind in kinds)
        named = [kind for kind in kinds if kind != SEVERAL]
        return bool(named) and all(kind != UNSEEN and _is_one_of(kind, self.kinds) for kind in named)

    def _fits_namespaces(self, touched: TouchedNamespaces) -> bool:
        inside = [_is_one_of(name, self.namespaces) for name in touched.namespaces]
        if self.action is Action.DENY:
            return bool(touched.beyond) or any(inside)
        return not touched.beyond and bool(inside) and all(inside)

    def says(self) -> str:
        """Describes the rule's conditions in words."""
        given = ((condition, getattr(self, condition)) for condition in CONDITIONS)
        return "; ".join(f"{condition} {', '.join(words)}" for condition, words in given if words)


class Rules(BaseModel):
    """The content of a rules' file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    namespaces: Words = NONE
    """The namespace fence: commands may touch only these namespaces. Empty means no fence."""
    trust_charts: StrictBool = False
    """Whether a helm chart is trusted to stay in the namespace of its release."""
    rules: tuple[Rule, ...] = ()

    @field_validator("rules")
    @classmethod
    def _names_are_unique(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        names = [rule.name for rule in rules]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two rules have the name {name}")
        return rules

    def deciding(self, judged: Judged) -> Rule | None:
        """Returns the first deny rule that matches the command, or else the first matching allow rule."""
        fitting = [rule for rule in self.rules if rule.fits(judged)]
        return next((rule for rule in fitting if rule.action is Action.DENY), next(iter(fitting), None))

    def outside(self, touched: TouchedNamespaces) -> str:
        """Returns why a command is outside the namespace fence; empty if it is inside."""
        if not self.namespaces:
            return ""
        if touched.beyond:
            return touched.beyond
        if all(_is_one_of(name, self.namespaces) for name in touched.namespaces):
            return ""
        return "it acts in another namespace"


def _is_below(verb: Sequence[str], pattern: str) -> bool:
    return any(fnmatchcase(" ".join(verb[:length]), pattern) for length in range(1, len(verb) + 1))


def _is_one_of(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
