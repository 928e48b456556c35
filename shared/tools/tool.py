"""What the product knows of one CLI: how to read its commands, find it, and contain it.

Nothing outside `shared/tools/` lists the tools. A further CLI is one folder here and one line in the registry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.command.masking import Masking
from shared.command.reading import Reading
from shared.models import CommandClass
from shared.tools import failure_hints
from shared.tools.class_rules import ClassRule, no_kinds, no_masking
from shared.tools.namespace_scope import NamespaceScope, untold
from shared.tools.progress_looks import ProgressLooks
from shared.tools.table import Table


@dataclass(frozen=True, slots=True)
class Grammar:
    """How the CLI reads its arguments, and what its commands may do.

    Flag names are long ones without dashes; one letter is a short flag that has no other meaning in the CLI.
    """

    table: Table
    """Its verbs and flags."""
    refused_flags: Mapping[str, str]
    """Flag → why, and what to use instead. These swap identity or name files of the worker."""
    classes: Mapping[str, CommandClass]
    """Verb path, words joined by a blank → class, before flags; what is missing is a write."""
    refused_verbs: Mapping[str, str]
    """Verb path → why, and what to use instead; holds for the verbs below it too."""
    class_rules: tuple[ClassRule, ...] = ()
    """What gives a verb another class, or an effect: each that fits counts, in this order."""
    masking: Callable[[Reading], Masking | None] = no_masking
    """What a worker masks of what a command prints, where Secrets are masked."""
    kinds: Callable[[Reading], tuple[str, ...]] = no_kinds
    """The kinds of object that a command names, in the plural: `pods`."""
    plural: Callable[[str], str] = str.lower
    """A kind's proper plural, from any of its names."""
    namespace_scope: Callable[[Reading], NamespaceScope] = untold
    """Which namespaces a command touches, its manifests included."""
    hidden_kinds: Callable[[Reading], tuple[str, ...]] = no_kinds
    """What a command may act on beside the kinds that it names: `UNSEEN`, `SEVERAL`, or nothing."""
    manifest_flags: frozenset[str] = frozenset()
    """Flags whose files hold the objects that the command acts on."""
    rendered_flags: frozenset[str] = frozenset()
    """Flags whose objects are made from files (`--kustomize`), and so are not known beforehand."""
    file_operands: frozenset[str] = frozenset()
    """Verb paths whose operands may name files."""
    fetched_schemes: frozenset[str] = frozenset()
    """Of URLs that may stand for such an operand: the CLI fetches it through the worker's own proxy."""
    file_formats: frozenset[str] = frozenset()
    """Values of `--output` that read a template from a file: `jsonpath-file=FILE`, or with `--template FILE`."""
    redefined_under: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Refused flag → verb paths that give it another, harmless meaning (`create rolebinding --user`)."""
    takes_glued_values: bool = True
    """False for a CLI that reads its flags once more before it knows the verb: helm takes `-fnx` for `-n x` then."""
    container_verbs: frozenset[str] = frozenset()
    """Verbs that take a command for a container behind `--`: its words are none of the worker's files."""
    waiting_verbs: frozenset[str] = frozenset()
    """Verbs that wait for something: reads among them take the slow lane."""
    waiting_flags: frozenset[str] = frozenset()
    """Flags that make a verb wait (`--wait`), where they stand alone."""
    endless: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Verb path → flags that make it go on until it is ended (`get --watch`): its time limit is then its success."""
    timeout_flags: frozenset[str] = frozenset({"timeout"})
    """Flags that say how long a command may wait."""
    namespace_flags: frozenset[str] = frozenset()
    """Names of the namespace flag; empty for a tool that has none."""
    context_flags: frozenset[str] = frozenset()
    """All names of the flag that picks a context of the kubeconfig."""
    local_flags: frozenset[str] = frozenset()
    """Flags that keep a command from reaching a cluster: `client`, `help`."""
    reaching_flags: frozenset[str] = frozenset()
    """Flags that do so where they are switched off: `--remote=false`."""
    exclusive_verbs: Mapping[str, int | None] = field(default_factory=dict)
    """Verb path → how many of its first operands (None: all) name what no two such commands may change at a time."""
    inclusive_flags: frozenset[str] = frozenset()
    """Flags with which an exclusive verb changes nothing, or something that has no name yet."""
    default_wait_s: float = 0
    """How long a command waits that is told to wait and not how long."""


@dataclass(frozen=True, slots=True)
class SandboxNeeds:
    """What the tool needs beyond the common rules: absolute paths, tried at each start and skipped where absent."""

    readable: tuple[str, ...] = ()
    executable: tuple[str, ...] = ()
    """Naming anything here says that the tool is no single static binary."""


@dataclass(frozen=True, slots=True)
class HelperProgram:
    """A program that the CLI starts by itself."""

    program: str
    variable: str
    """Environment variable in which the CLI looks for the program's path, and for the arguments behind it."""
    arguments: tuple[str, ...]
    finding: str
    """What exit code 1 says, where nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One CLI of the registry."""

    name: str
    summary: str
    """One line for people and models: what it is for."""
    examples: tuple[str, ...]
    """The first two are shown to models."""
    grammar: Grammar
    version_arguments: tuple[str, ...]
    """Arguments that print the client's version without touching a cluster."""
    version_pattern: str
    """Regular expression whose first group is the version in that output."""
    install_hint: str
    refused: str = ""
    """For people and models: what is refused most, and what to use instead."""
    environment: Mapping[str, str] = field(default_factory=dict)
    credential_headers: Mapping[str, str] = field(default_factory=dict)
    """Request header, lower case → environment variable that hands its value to the CLI."""
    server_variable: str | None = None
    """The variable among those that names the server: `host[:port]` that the child may connect to."""
    proxy_variables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Variable in which the CLI looks for a proxy, beside HTTPS_PROXY and HTTP_PROXY → flags with which it must not."""
    listening_verbs: frozenset[str] = frozenset()
    """Verb paths that connect to a listener of their own on loopback, such as a tunnel to a pod."""
    listening_flags: frozenset[str] = frozenset()
    """Flags with which any verb does."""
    sandbox: SandboxNeeds = field(default_factory=SandboxNeeds)
    helpers: Mapping[str, HelperProgram] = field(default_factory=dict)
    """Verb path → the program that it starts."""
    failure_hints: Mapping[str, str] = field(default_factory=lambda: failure_hints.CLUSTER)
    """Regular expression → hint. The first that fits what a failed command printed is shown with its response."""
    progress_looks: Callable[[Reading], ProgressLooks | None] | None = None
    """What a command waits for, and how that is looked at; None for a tool whose commands say so themselves."""
