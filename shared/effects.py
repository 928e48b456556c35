"""What the requests of one command may do in its cluster. The gateway decides and seals it; the door judges by it.

The gateway knows the operator's mode and rules, and the tool, verb, flags and class of the command. What they leave
open, kinds and namespaces, is judged for each request.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_CONFIG = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Limit(StrEnum):
    """Which changes are allowed where no rule decides."""

    READ = "read"
    """None, because the command is a read. No rule allows one either."""
    READ_ONLY = "read-only"
    """None, by the mode. Rules may allow some."""
    STRICT = "strict"
    """All but those that the mode `strict` refuses."""
    PERMISSIVE = "permissive"
    """All."""


class SecretValues(StrEnum):
    """Whether the command sees values of Secrets."""

    MASKED = "masked"
    SHOWN = "shown"


class EffectRule(BaseModel):
    """A rule of the operator that applies to this command, for requests to some kinds and namespaces."""

    model_config = _CONFIG

    name: str
    is_allowed: bool
    kinds: tuple[str, ...] = ()
    """Plurals, in which `*` stands for any characters. Empty means any kind."""
    namespaces: tuple[str, ...] = ()
    """Empty means everywhere."""
    guards_changes_only: bool = False
    """Whether the rule concerns only what the command changes, without helm's own records of releases. That holds for
    CLIs whose commands name no kinds: they read objects of many kinds on their way."""
    shows_secrets: bool = False
    """Whether the command sees the values of the Secrets to which the rule applies."""
    why: str
    instead: str = ""


class Impersonation(BaseModel):
    """The identity in which requests are sent: https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/"""

    model_config = _CONFIG

    user: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    in_reviews_only: bool = True
    """Whether only questions about one's own rights may be asked in this identity."""


class Effects(BaseModel):
    """What the requests of one command may do."""

    model_config = _CONFIG

    limit: Limit = Limit.READ
    rules: tuple[EffectRule, ...] = ()
    """Rules that deny come first, and one of them is enough. Then a rule that allows overrides the limit."""
    fence: tuple[str, ...] = ()
    """The namespaces outside which nothing may happen. Empty means no fence."""
    secrets: SecretValues = SecretValues.MASKED
    """Whether the door shows values. A command that computes from live objects needs them, and then its output is
    masked as text instead."""
    makes_credentials: bool = False
    """Whether requests may make credentials. Rules that allow other things do not allow this."""
    tunnels: bool = False
    """Whether a read may open tunnels to the pods of Istio."""
    impersonation: Annotated[Impersonation | None, Field(repr=False)] = None

    def for_reading(self) -> "Effects":
        """Returns the effects of the same command if it may change nothing and open no tunnels."""
        return self.model_copy(update={"limit": Limit.READ, "tunnels": False})


UNLIMITED = Effects(limit=Limit.PERMISSIVE, secrets=SecretValues.SHOWN, makes_credentials=True)
"""Without any limit but what the API server says."""
