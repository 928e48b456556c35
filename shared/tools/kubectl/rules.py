"""What gives a kubectl verb another class than its own: see `class_rules`."""

from urllib.parse import unquote

from shared.command.reading import Reading
from shared.models import CommandClass
from shared.tools.class_rules import DRY_RUN, ClassRule, Effect, always, given, is_dry
from shared.tools.kubectl import kinds, shown_secrets

FILE_FORMATS = frozenset({"custom-columns-file", "go-template-file", "jsonpath-file", "templatefile"})
_CHANGING = frozenset({CommandClass.WRITE, CommandClass.DESTRUCTIVE})
_DELETE = frozenset({"delete"})
_DELETING = _DELETE | {"apply", "replace"}
"""With `--force` the latter two delete an object, and all that goes with it, before they make it anew."""


def _is_dry(reading: Reading) -> bool:
    """kubectl wants a word with it, and sends its request with `--raw` whatever it says."""
    return is_dry(reading) and reading.text(DRY_RUN) is not None and not reading.has("raw")


def _raw(reading: Reading) -> str:
    return unquote(" ".join(reading.texts("raw"))).lower()


def _deletes(reading: Reading) -> bool:
    return reading.path in _DELETE or reading.has("force")


def _loses_data(reading: Reading) -> bool:
    return _deletes(reading) and not kinds.DATA_KINDS.isdisjoint(kinds.acted_on(reading))


def _reaches_beyond(reading: Reading) -> bool:
    named = kinds.acted_on(reading)
    is_beyond = any(kind not in kinds.NAMESPACED for kind in named)
    return _deletes(reading) and (is_beyond or reading.has("kustomize", "raw"))


RULES = (
    ClassRule(
        "dry-run",
        "with `--dry-run=client` or `--dry-run=server` nothing is changed",
        _is_dry,
        of=_CHANGING,
        to=CommandClass.READ,
    ),
    ClassRule(
        "secret-values",
        "it picks values of Secrets out; `get -o json` or `-o yaml` shows them whole, with their values masked",
        shown_secrets.are_picked,
        to=CommandClass.CREDENTIAL,
    ),
    ClassRule(
        "secret-values-compared",
        "it tries the values of Secrets",
        shown_secrets.asked,
        verbs=frozenset({"wait"}),
        to=CommandClass.CREDENTIAL,
    ),
    ClassRule(
        "secret-values-copied",
        "a JSON patch can copy the values of Secrets, or try them; one that is given with `-p` and only adds, removes "
        "and replaces does neither",
        shown_secrets.are_copied,
        verbs=frozenset({"patch"}),
        to=CommandClass.CREDENTIAL,
    ),
    ClassRule(
        "secret-values-shown",
        "it shows the values of Secrets",
        given("resolve", "show-secrets"),
        verbs=frozenset({"diff", "set env"}),
        to=CommandClass.CREDENTIAL,
    ),
    ClassRule(
        "secret-values-read-along",
        "so verbose it shows answers of the API server, and it reads Secrets of others along with what it describes",
        shown_secrets.is_verbose,
        verbs=frozenset({"describe"}),
        to=CommandClass.CREDENTIAL,
    ),
    ClassRule(
        "raw-kubeconfig",
        "it shows the credentials of the kubeconfig",
        given("raw"),
        verbs=frozenset({"config view"}),
        to=CommandClass.CREDENTIAL,
    ),
    ClassRule(
        "raw-secrets",
        "the API's own answer shows the values of Secrets",
        lambda reading: "secret" in _raw(reading) or "token" in _raw(reading),
        verbs=frozenset({"create", "get", "replace"}),
        to=CommandClass.CREDENTIAL,
    ),
    ClassRule(
        "raw-proxy",
        "what stands behind a proxy path may do anything",
        lambda reading: "proxy" in _raw(reading),
        verbs=frozenset({"get"}),
        of=frozenset({CommandClass.READ}),
        to=CommandClass.WRITE,
    ),
    ClassRule(
        "replacing",
        "objects are deleted and made anew",
        given("force"),
        verbs=frozenset({"apply", "replace"}),
        of=frozenset({CommandClass.WRITE}),
        to=CommandClass.DESTRUCTIVE,
    ),
    ClassRule(
        "pruning",
        "it deletes every selected object that is not in the manifests",
        given("prune"),
        verbs=frozenset({"apply"}),
        of=_CHANGING,
        to=CommandClass.DESTRUCTIVE,
        effect=Effect.MASS,
    ),
    ClassRule(
        "mass-deletion",
        "it names no single object, and so may delete them all",
        given("all", "all-namespaces", "field-selector", "selector"),
        verbs=_DELETE,
        effect=Effect.MASS,
    ),
    ClassRule(
        "data-loss",
        "the data in a volume is gone with its claim",
        _loses_data,
        verbs=_DELETING,
        effect=Effect.IRREVERSIBLE,
    ),
    ClassRule(
        "deletion-beyond-a-namespace",
        "the kind is cluster-scoped, or is not known to be namespaced",
        _reaches_beyond,
        verbs=_DELETING,
        effect=Effect.CLUSTER_SCOPE,
    ),
    ClassRule(
        "node-drain",
        "every pod of the node is evicted",
        always,
        verbs=frozenset({"drain"}),
        effect=Effect.CLUSTER_SCOPE,
    ),
    ClassRule(
        "node-evacuation",
        "every pod of the node that does not tolerate the taint is evicted",
        lambda reading: any(operand.endswith(":NoExecute") for operand in reading.operands),
        verbs=frozenset({"taint"}),
        of=frozenset({CommandClass.WRITE}),
        to=CommandClass.DESTRUCTIVE,
        effect=Effect.CLUSTER_SCOPE,
    ),
)
