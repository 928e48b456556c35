"""What the product knows of one CLI: how to read its commands, find it, and contain it.

Nothing outside `shared/tools/` names a tool. A further CLI is one module here and one line in the registry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.models import CommandClass


@dataclass(frozen=True, slots=True)
class Grammar:
    """How the CLI reads its arguments, as far as judging a command needs it.

    Flag names are without dashes; one-letter names are the short forms.
    """

    value_flags: frozenset[str]
    """Flags that take a value in the next token unless it is glued or given with `=`."""
    boolean_flags: frozenset[str]
    """Flags that stand alone."""
    refused_flags: Mapping[str, str]
    """Flag → why, and what to use instead. These swap identity or name files of the worker."""
    verb_groups: frozenset[str]
    """Verbs that have verbs below them: `rollout`, `repo`."""
    classes: Mapping[str, CommandClass]
    """Verb path, words joined by a blank → class; the longest match decides, and what is missing is a write."""
    refused_verbs: Mapping[str, str]
    """Verb path → why, and what to use instead."""
    waiting_verbs: frozenset[str] = frozenset()
    """Reads that wait: they take the slow lane."""
    waiting_flags: frozenset[str] = frozenset()
    """Flags that make a read wait (`--watch`)."""
    namespace_flags: frozenset[str] = frozenset()
    """All names of the namespace flag; empty for a tool that has none."""
    context_flags: frozenset[str] = frozenset()
    """All names of the flag that picks a context of the kubeconfig."""
    local_flags: frozenset[str] = frozenset()
    """Flags that keep a command from reaching a cluster (`--client`, `--help`)."""
    default_wait_s: float = 0
    """How long a command waits that is told to wait and not how long."""


@dataclass(frozen=True, slots=True)
class SandboxNeeds:
    """What the tool needs beyond the common rules: absolute paths, tried at each start and skipped where absent."""

    readable: tuple[str, ...] = ()
    executable: tuple[str, ...] = ()
    """Naming anything here says that the tool is no single static binary."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One CLI of the registry."""

    name: str
    summary: str
    """One line for people and models: what it is for."""
    examples: tuple[str, ...]
    grammar: Grammar
    version_arguments: tuple[str, ...]
    """Arguments that print the client's version without touching a cluster."""
    version_pattern: str
    """Regular expression whose first group is the version in that output."""
    install_hint: str
    environment: Mapping[str, str] = field(default_factory=dict)
    credential_headers: Mapping[str, str] = field(default_factory=dict)
    """Request header, lower case → environment variable that hands its value to the CLI."""
    server_variable: str | None = None
    """The variable among those that names the server: `host[:port]` that the child may connect to."""
    sandbox: SandboxNeeds = field(default_factory=SandboxNeeds)
