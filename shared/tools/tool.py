"""The definition of one CLI: how to read its commands, find its program and contain it.

Nothing outside `shared/tools/` lists the tools. To add a CLI, add one folder here and one line in the registry.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.command.masking import Masking
from shared.command.reading import Reading
from shared.models import CommandClass
from shared.tools import failure_hints
from shared.tools.awaited import Awaited
from shared.tools.class_rules import ClassRule, always, never, no_kinds, no_lookup, no_masking
from shared.tools.own_server import OwnServer
from shared.tools.table import Table


def no_server(_: Reading) -> OwnServer | None:
    """Returns None."""
    return None


@dataclass(frozen=True, slots=True)
class IdentityFlags:
    """Names of the flags for another identity."""

    user: str
    groups: str
    uid: str = ""
    extra: str = ""
    """Takes `key=value`."""

    @property
    def all(self) -> frozenset[str]:
        return frozenset(filter(None, (self.user, self.groups, self.uid, self.extra)))


@dataclass(frozen=True, slots=True)
class Grammar:
    """How the CLI reads its arguments, and what its commands may do.

    Flags are named without dashes. A name of one letter is a short flag that has no other meaning in the CLI.
    """

    table: Table
    """The CLI's verbs and flags."""
    refused_flags: Mapping[str, str]
    """Flag → why it is refused, and what to use instead. Such flags swap the identity or name files of the worker."""
    classes: Mapping[str, CommandClass]
    """Verb path, words joined by a blank → class without regard to flags. A missing verb is a write."""
    refused_verbs: Mapping[str, str]
    """Verb path → why it is refused, and what to use instead. This also holds for the verbs below it."""
    class_rules: tuple[ClassRule, ...] = ()
    """Rules that give a command another class or an effect. All rules that fit are applied, in this order."""
    masking: Callable[[Reading], Masking | None] = no_masking
    """Returns what a worker masks in the output of a command that needs true values, if Secrets are masked."""
    computes_from_live: Callable[[Reading], bool] = never
    """Whether a command computes what it writes from objects that it reads, so that it needs true values of Secrets."""
    kinds: Callable[[Reading], tuple[str, ...]] = no_kinds
    """Returns the kinds of object that a command names, in the plural: `pods`."""
    plural: Callable[[str], str] = str.lower
    """Returns the plural of a kind, given any of its names."""
    is_namespaced: Callable[[Reading], bool] = never
    """Returns whether a command is certain to concern objects that are in namespaces, and no others."""
    reaches_kubernetes: Callable[[Reading], bool] = always
    """Returns whether a command that needs a cluster reaches it as an API server of Kubernetes."""
    identity_flags: IdentityFlags | None = None
    """The flags with which a command asks to act in another identity."""
    self_reviews: frozenset[str] = frozenset()
    """Verb paths that only ask what the identity may do."""
    looked_up: Callable[[Reading], tuple[str, ...] | None] = no_lookup
    """Returns the kinds that a command looks up at the API server; None if it may look up any."""
    file_operands: frozenset[str] = frozenset()
    """Verb paths whose operands may name files."""
    fetched_schemes: frozenset[str] = frozenset()
    """Schemes of URLs that may replace such an operand. The CLI fetches them through the worker's proxy."""
    file_formats: frozenset[str] = frozenset()
    """Values of `--output` whose template is read from a file: `jsonpath-file=FILE`, or with `--template FILE`."""
    redefined_under: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Refused flag → verb paths that give it another, harmless meaning (`create rolebinding --user`)."""
    takes_glued_values: bool = True
    """False for a CLI that first reads its flags without knowing the verb: helm then reads `-fnx` as `-n x`."""
    container_verbs: frozenset[str] = frozenset()
    """Verbs that take a command for a container after `--`. The words of that command name no files of the worker."""
    waiting_verbs: frozenset[str] = frozenset()
    """Verbs that wait for something. Reads among them use the slow lane."""
    waiting_flags: frozenset[str] = frozenset()
    """Flags without a value that make a verb wait: `--wait`."""
    endless: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Verb path → flags with which it never ends by itself (`get --watch`), so that the time limit is its success."""
    timeout_flags: frozenset[str] = frozenset({"timeout"})
    """Flags that limit how long a command waits."""
    namespace_flags: frozenset[str] = frozenset()
    """Names of the namespace flag; empty for a tool without one."""
    context_flags: frozenset[str] = frozenset()
    """Names of the flag that chooses a context of the kubeconfig."""
    local_flags: frozenset[str] = frozenset()
    """Flags that keep a command from reaching a cluster: `client`, `help`."""
    connection_flags: frozenset[str] = frozenset()
    """Flags that say how to connect to the tool's own server. The door obeys them, and the CLI does not get them."""
    reaching_flags: frozenset[str] = frozenset()
    """Flags that keep a command from reaching a cluster if they are switched off: `--remote=false`."""
    exclusive_verbs: Mapping[str, int | None] = field(default_factory=dict)
    """Verb path → number of first operands (None: all) that name objects only one command may change at a time."""
    inclusive_flags: frozenset[str] = frozenset()
    """Flags with which an exclusive verb changes nothing, or an object that has no name yet."""
    default_wait_s: float = 0
    """Seconds that a command waits if it is told to wait without a limit."""


@dataclass(frozen=True, slots=True)
class SandboxNeeds:
    """What the tool's sandbox needs besides the common things. Paths are absolute; missing ones are skipped."""

    readable: tuple[str, ...] = ()
    executable: tuple[str, ...] = ()
    """Paths that the tool may execute. They are needed only if the tool is not a static binary."""
    listens: bool = False
    """Whether the tool connects to Unix sockets of its own, on which it has to listen."""


@dataclass(frozen=True, slots=True)
class HelperProgram:
    """A program that the CLI itself starts."""

    program: str
    variable: str
    """Environment variable from which the CLI takes the program's path and its arguments."""
    arguments: tuple[str, ...]
    finding: str
    """Hint for exit code 1, which here does not mean a failure."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One CLI of the registry."""

    name: str
    summary: str
    """Purpose of the tool in one line, for people and models."""
    examples: tuple[str, ...]
    """Example commands. Models see the first two."""
    grammar: Grammar
    version_arguments: tuple[str, ...]
    """Arguments that print the client's version without touching a cluster."""
    version_pattern: str
    """Regular expression whose first group finds the version in that output."""
    install_hint: str
    least_version: str = ""
    """Oldest version without `older_fault`, as `major.minor`; empty if there is none that is too old."""
    older_fault: str = ""
    """What does not work with an older version."""
    refused: str = ""
    """The most frequently refused commands and their replacements, for people and models."""
    environment: Mapping[str, str] = field(default_factory=dict)
    credential_headers: Mapping[str, str] = field(default_factory=dict)
    """Request header in lower case → environment variable that passes its value to the CLI."""
    server_variable: str | None = None
    """The one of these variables that names the server, as `host[:port]`."""
    token_variable: str | None = None
    """The one of these variables that holds the bearer token for that server."""
    own_server: Callable[[Reading], OwnServer | None] = no_server
    """Returns how a command reaches that server; None if it works without it."""
    own_server_variables: Callable[[str, str], Mapping[str, str]] | None = None
    """Returns the CLI's environment for a server at `host:port`, under a path of one segment."""
    listening_verbs: frozenset[str] = frozenset()
    """Verb paths that connect to their own listener on loopback, such as a tunnel to a pod."""
    listening_flags: frozenset[str] = frozenset()
    """Flags with which every verb connects to its own listener on loopback."""
    sandbox: SandboxNeeds = field(default_factory=SandboxNeeds)
    helpers: Mapping[str, HelperProgram] = field(default_factory=dict)
    """Verb path → program that the CLI starts for it."""
    failure_hints: Mapping[str, str] = field(default_factory=lambda: failure_hints.CLUSTER)
    """Regular expression → hint for failed commands. The response shows the first one that matches the output."""
    awaited: Callable[[Reading], Awaited | None] | None = None
    """Returns what a command waits for; None for a tool whose commands print their own progress."""

    def age_problem(self, version: str) -> str | None:
        """Returns what does not work because this version is too old. A version without a number is not too old."""
        if not self.least_version or not (own := _major_and_minor(version)):
            return None
        is_older = own < _major_and_minor(self.least_version)
        return f"older than {self.least_version}: {self.older_fault}" if is_older else None


def _major_and_minor(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:2]]
