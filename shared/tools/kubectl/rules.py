"""Rules that give a kubectl command another class than its verb's: see `class_rules`."""

from collections.abc import Container
from urllib.parse import unquote

from shared.command.reading import Reading
from shared.models import CommandClass
from shared.tools.class_rules import (
    CHANGING,
    ClassRule,
    Condition,
    Effect,
    always,
    destroys,
    foresees,
    given,
    is_dry,
    reads,
    widens,
)
from shared.tools.kubectl import kinds

FILE_FORMATS = frozenset({"custom-columns-file", "go-template-file", "jsonpath-file", "templatefile"})


def _raw(reading: Reading) -> str:
    return unquote(" ".join(reading.texts("raw"))).lower()


def _only_lists(reading: Reading) -> bool:
    """Whether the command changes nothing, which `NAME=VALUE` and `NAME-` do."""
    changes = any("=" in operand or operand.endswith("-") for operand in reading.operands)
    return reading.has("list") and not (changes or reading.has("env", "from"))


def _names(kept: Container[str]) -> Condition:
    return lambda reading: any(kind in kept for kind in kinds.acted_on(reading))


RULES = (
    ClassRule(
        "dry-run",
        "with `--dry-run=client` or `--dry-run=server` nothing is changed",
        is_dry,
        of=CHANGING,
        to=CommandClass.READ,
    ),
    reads("listing", "with `--list` it shows what is there", _only_lists, verbs="annotate, label, set env"),
    ClassRule(
        "raw-proxy",
        "the service behind a proxy path may do anything",
        lambda reading: "proxy" in _raw(reading),
        verbs=frozenset({"get"}),
        of=frozenset({CommandClass.READ}),
        to=CommandClass.WRITE,
    ),
    destroys("replacing", "objects are deleted and created again", given("force"), verbs="apply, replace"),
    destroys(
        "pruning",
        "it deletes every selected object that is not in the manifests",
        given("prune"),
        verbs="apply",
        effect=Effect.MASS,
    ),
    widens(
        "mass-deletion",
        "it names no single object, so it may delete all of them",
        given("all", "all-namespaces", "field-selector", "selector"),
        verbs="delete",
        effect=Effect.MASS,
    ),
    foresees(
        widens(
            "data-loss",
            "the data in a volume is lost with its claim",
            _names(kinds.DATA_KINDS),
            verbs="delete",
            effect=Effect.IRREVERSIBLE,
        )
    ),
    foresees(
        widens(
            "deletion-beyond-a-namespace",
            "all that is in it, on it or of its kind goes with it",
            _names(kinds.HOLDING_KINDS),
            verbs="delete",
            effect=Effect.CLUSTER_SCOPE,
        )
    ),
    widens("node-drain", "every pod of the node is evicted", always, verbs="drain", effect=Effect.EVICTION),
    foresees(
        destroys(
            "node-evacuation",
            "every pod of the node that does not tolerate the taint is evicted",
            lambda reading: any(operand.endswith(":NoExecute") for operand in reading.operands),
            verbs="taint",
            effect=Effect.EVICTION,
        )
    ),
)
