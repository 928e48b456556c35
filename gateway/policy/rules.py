"""An operator's rules and namespace fence, as in their file, and the test of whether a rule matches a command.

A command's words decide about tools, verbs, classes and flags. Kinds and namespaces are decided for each request that
the command sends to its API server: `shared.effects`.
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
from shared.command.reading import Reading
from shared.effects import EffectRule, SecretValues
from shared.models import CommandClass
from shared.tools.class_rules import no_kinds
from shared.tools.tool import Tool

CONDITIONS = ("tools", "verbs", "classes", "kinds", "namespaces", "flags")


class Action(StrEnum):
    ALLOW = "allow"
    DENY = "deny"


_DOES = {Action.ALLOW: "allows", Action.DENY: "denies"}


@dataclass(frozen=True, slots=True)
class Words:
    """What a rule tests of a command before it runs."""

    tool: Tool
    reading: Reading
    command_class: CommandClass
    needs_cluster: bool = True
    namespace: str = ""
    """Namespace of the command, its request or its kubeconfig."""

    @property
    def names_kinds(self) -> bool:
        return self.tool.grammar.kinds is not no_kinds

    @property
    def is_seen_at_the_door(self) -> bool:
        """Whether the command does what it does by requests to an API server of Kubernetes."""
        return self.needs_cluster and self.tool.grammar.reaches_kubernetes(self.reading)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Word = Annotated[StrictStr, Field(min_length=1)]
Listed = Annotated[tuple[Word, ...], BeforeValidator(_listed), Field(min_length=1)]
NONE: Listed = ()


class Rule(BaseModel):
    """One rule. It matches a command that meets all given conditions. `*` in a word stands for any characters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: StrictStr = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    action: Action
    tools: Annotated[Listed, AfterValidator(rule_words.checked_tools)] = NONE
    verbs: Listed = NONE
    """Verb paths. A path matches the verbs below it too."""
    classes: Annotated[Listed, AfterValidator(rule_words.checked_classes)] = NONE
    kinds: Listed = NONE
    namespaces: Listed = NONE
    flags: Listed = NONE
    """Long names of flags. The rule matches commands that have at least one of them switched on."""
    secrets: SecretValues | None = None
    """Whether callers see the values of the Secrets to which a rule that allows applies."""
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
        if self.is_allowing and CommandClass.INTERACTIVE in self.classes:
            raise ValueError("allows the class interactive, but commands have no terminal")
        if self.secrets and not self.is_allowing:
            raise ValueError("denies, but only a rule that allows can say `secrets`")
        return self

    @property
    def is_allowing(self) -> bool:
        return self.action is Action.ALLOW

    @property
    def shows_secrets(self) -> bool:
        """Whether callers see values. A rule for the class `credential` shows them unless it says `secrets: masked`."""
        is_for_credentials = self.is_allowing and CommandClass.CREDENTIAL in self.classes
        return self.secrets is SecretValues.SHOWN or (is_for_credentials and self.secrets is None)

    @property
    def depends_on_objects(self) -> bool:
        """Whether the objects of a request decide if the rule applies to it."""
        return bool(self.kinds or self.namespaces)

    @property
    def reason(self) -> str:
        return self.why or f"it {_DOES[self.action]} such commands ({self.says()})"

    @property
    def way_out(self) -> str:
        return self.instead or f"commands that this rule does not match ({self.says()})"

    def fits(self, words: Words) -> bool:
        """Returns whether the rule matches the command, whatever its objects are."""
        return self._fits_verb(words) and self._fits_class(words.command_class)

    def may_fit_requests(self, words: Words) -> bool:
        """Returns whether the rule applies to requests of the command. To allow kinds, it must be able to name them."""
        return words.is_seen_at_the_door and not (self.is_allowing and self.kinds and not words.names_kinds)

    def only_shows(self, words: Words) -> bool:
        """Returns whether all that the rule does for the command is to show it values of Secrets."""
        return self.shows_secrets and words.command_class is CommandClass.READ and self._fits_verb(words)

    def effect(self, *, guards_changes_only: bool) -> EffectRule:
        """Returns the rule as the door judges requests by it."""
        return EffectRule(
            name=self.name,
            is_allowed=self.is_allowing,
            kinds=self.kinds,
            namespaces=self.namespaces,
            guards_changes_only=guards_changes_only,
            shows_secrets=self.shows_secrets,
            why=self.reason,
            instead="" if self.is_allowing else self.way_out,
        )

    def says(self) -> str:
        """Describes the rule's conditions in words."""
        given = ((condition, getattr(self, condition)) for condition in CONDITIONS)
        return "; ".join(f"{condition} {', '.join(words)}" for condition, words in given if words)

    def _fits_verb(self, words: Words) -> bool:
        reading = words.reading
        return (
            (not self.tools or words.tool.name in self.tools)
            and (not self.verbs or any(_is_below(reading.verb, pattern) for pattern in self.verbs))
            and (not self.flags or reading.has(*self.flags))
        )

    def _fits_class(self, command_class: CommandClass) -> bool:
        """Returns whether the class matches. An allow rule must name `credential`, and never matches `interactive`."""
        if self.is_allowing and command_class is CommandClass.INTERACTIVE:
            return False
        if self.is_allowing and command_class is CommandClass.CREDENTIAL:
            return command_class in self.classes
        return not self.classes or command_class in self.classes


class Rules(BaseModel):
    """The content of a rules' file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    namespaces: Listed = NONE
    """The namespace fence: commands may touch only these namespaces. Empty means no fence."""
    trust_charts: StrictBool = False
    """Without effect: what a chart does is judged like anything else."""
    rules: tuple[Rule, ...] = ()

    @field_validator("rules")
    @classmethod
    def _names_are_unique(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        names = [rule.name for rule in rules]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two rules have the name {name}")
        return rules


def _is_below(verb: Sequence[str], pattern: str) -> bool:
    return any(fnmatchcase(" ".join(verb[:length]), pattern) for length in range(1, len(verb) + 1))
