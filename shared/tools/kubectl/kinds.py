"""Finds the kinds of object that a kubectl command names, and tells which of them are namespaced.

Names are read as kubectl reads them: in upper or lower case, singular, plural or short, also as `KIND.VERSION.GROUP`.
"""

from collections.abc import Iterator

from shared.command.reading import Reading
from shared.command.values.types import Names
from shared.tools import verb_lists

# The plural, then the other names. The short names are from `kubectl api-resources` of Kubernetes 1.37.
_NAMESPACED = """
bindings binding|configmaps configmap cm|controllerrevisions controllerrevision|cronjobs cronjob cj
daemonsets daemonset ds|deployments deployment deploy|endpoints endpoint ep|endpointslices endpointslice
events event ev|horizontalpodautoscalers horizontalpodautoscaler hpa|ingresses ingress ing|jobs job|leases lease
limitranges limitrange limits|localsubjectaccessreviews localsubjectaccessreview|networkpolicies networkpolicy netpol
persistentvolumeclaims persistentvolumeclaim pvc|poddisruptionbudgets poddisruptionbudget pdb|pods pod po
podtemplates podtemplate|replicasets replicaset rs|replicationcontrollers replicationcontroller rc
resourceclaims resourceclaim|resourceclaimtemplates resourceclaimtemplate|resourcequotas resourcequota quota
rolebindings rolebinding|roles role|secrets secret|serviceaccounts serviceaccount sa|services service svc
statefulsets statefulset sts|csistoragecapacities csistoragecapacity
"""
_CUSTOM_NAMESPACED = """
gateways gateway gtw gw|httproutes httproute|grpcroutes grpcroute|referencegrants referencegrant refgrant
authorizationpolicies authorizationpolicy ap|destinationrules destinationrule dr|envoyfilters envoyfilter
peerauthentications peerauthentication pa|proxyconfigs proxyconfig|requestauthentications requestauthentication ra
serviceentries serviceentry se|sidecars sidecar|telemetries telemetry|virtualservices virtualservice vs
wasmplugins wasmplugin|workloadentries workloadentry we|workloadgroups workloadgroup wg
applications application app apps|applicationsets applicationset appset appsets|appprojects appproject appproj appprojs
"""
_CLUSTER = """
apiservices apiservice|certificatesigningrequests certificatesigningrequest csr|clusterrolebindings clusterrolebinding
clusterroles clusterrole|clustertrustbundles clustertrustbundle|componentstatuses componentstatus cs
csidrivers csidriver|csinodes csinode|customresourcedefinitions customresourcedefinition crd crds
deviceclasses deviceclass|devicetaintrules devicetaintrule|flowschemas flowschema|ingressclasses ingressclass
ipaddresses ipaddress ip|mutatingadmissionpolicies mutatingadmissionpolicy
mutatingadmissionpolicybindings mutatingadmissionpolicybinding
mutatingwebhookconfigurations mutatingwebhookconfiguration|namespaces namespace ns|nodes node no
persistentvolumes persistentvolume pv|priorityclasses priorityclass pc
prioritylevelconfigurations prioritylevelconfiguration|resourceslices resourceslice|runtimeclasses runtimeclass
selfsubjectaccessreviews selfsubjectaccessreview|selfsubjectreviews selfsubjectreview
selfsubjectrulesreviews selfsubjectrulesreview|servicecidrs servicecidr|storageclasses storageclass sc
storageversions storageversion|subjectaccessreviews subjectaccessreview|tokenreviews tokenreview
validatingadmissionpolicies validatingadmissionpolicy
validatingadmissionpolicybindings validatingadmissionpolicybinding
validatingwebhookconfigurations validatingwebhookconfiguration|volumeattachments volumeattachment
volumeattributesclasses volumeattributesclass vac
gatewayclasses gatewayclass gc
"""


def _names(text: str) -> dict[str, str]:
    rows = [row.split() for line in text.split("\n") for row in line.split("|") if row.strip()]
    return {name: row[0] for row in rows for name in row}


_PLURALS = {**_names(_NAMESPACED), **_names(_CUSTOM_NAMESPACED), **_names(_CLUSTER)}
_OWN = {**_names(_NAMESPACED), **_names(_CLUSTER)}
NAMESPACED = frozenset(_names(_NAMESPACED).values())
"""Namespaced kinds of Kubernetes itself."""
DATA_KINDS = frozenset({"persistentvolumeclaims", "persistentvolumes"})
"""Kinds whose deletion also deletes data that no manifest can restore."""
HOLDING_KINDS = frozenset({"customresourcedefinitions", "namespaces", "nodes"})
"""Kinds whose deletion also deletes other objects, or ends them."""
CATEGORIES = frozenset({"all", "api-extensions"})
"""Kubernetes' own categories of kinds. A custom resource may add its kind to them, or define further categories."""

_BY_OPERAND = frozenset(
    verb_lists.paths(
        {
            "": "annotate autoscale delete describe edit expose get label patch scale taint wait",
            "apply": "edit-last-applied view-last-applied",
            "rollout": "history pause restart resume status undo",
            "set": "env image resources selector serviceaccount subject",
        }
    )
)
"""Verbs whose first operand is a kind, unless their operands are written as `kind/name`."""
_OF_ITSELF = {
    "certificate approve": "certificatesigningrequests",
    "certificate deny": "certificatesigningrequests",
    "cordon": "nodes",
    "drain": "nodes",
    "run": "pods",
    "top node": "nodes",
    "top pod": "pods",
    "uncordon": "nodes",
}
_MADE = {"autoscale": "horizontalpodautoscalers", "expose": "services"}
"""Verb → kind of the object that it creates, besides the object that it names."""
_WITH_PAIRS = frozenset({"annotate", "label", "set env", "set image", "taint"})
"""Verbs whose last operands are pairs: `key=value` or `key-`, as in kubectl's `GetResourcesAndPairs`."""
_PODS = frozenset({"attach", "exec", "logs", "port-forward", "debug"})
"""Verbs that act on a pod. Their first operand is the pod, or the `kind/name` of an object that has pods."""
_WITH_COMMAND = frozenset({"exec", "debug"})
"""Verbs for which the words after `--` are a command, not operands."""


def plural(name: str) -> str:
    """Returns the plural of a kind. An unknown name is returned in lower case, without version and group."""
    bare = name.lower().partition(".")[0]
    return _PLURALS.get(bare, bare)


def own(name: str) -> str:
    """Returns the plural of a kind of Kubernetes itself; empty for a name with a group, and for any other name."""
    return _OWN.get(name.lower(), "")


def kinds(reading: Reading) -> tuple[str, ...]:
    """Returns the kinds that a command acts on, and the kinds of objects that its flags name (`--from=secret/db`)."""
    given = (flag.text for flag in reading.flags if flag.names is Names.OBJECT)
    referenced = (plural(kind) for text in given if text for kind in _by_operand((text,)) if kind)
    return tuple(dict.fromkeys((*acted_on(reading), *referenced)))


def acted_on(reading: Reading) -> tuple[str, ...]:
    """Returns the kinds that a command acts on, as its words name them."""
    return tuple(dict.fromkeys(plural(name) for name in written(reading) if name))


def written(reading: Reading) -> Iterator[str]:
    """Yields the kinds as the command's words spell them, or as its verb implies; empty for a word without a kind."""
    trailing = reading.trailing if reading.path in _WITH_COMMAND else 0
    own = reading.operands[: len(reading.operands) - trailing]
    yield from _unwritten(reading)
    if reading.path in _OF_ITSELF:
        yield _OF_ITSELF[reading.path]
    elif reading.path.startswith("create ") and reading.path != "create token":
        yield reading.verb[1]
    elif reading.path in _PODS:
        yield own[0].partition("/")[0] if own and "/" in own[0] else ""
    elif reading.path in _BY_OPERAND and own:
        yield from _by_operand(tuple(filter(_is_no_pair, own)) if reading.path in _WITH_PAIRS else own)


def _unwritten(reading: Reading) -> Iterator[str]:
    if reading.path in _MADE:
        yield _MADE[reading.path]
    elif reading.path in _PODS:
        yield "pods"
    elif reading.path == "run" and reading.has("expose"):
        yield "services"
    elif reading.path == "create token":
        yield "serviceaccounts"


def _is_no_pair(operand: str) -> bool:
    return not ("=" in operand[1:] or (operand.endswith("-") and operand != "-"))


def _by_operand(operands: tuple[str, ...]) -> Iterator[str]:
    for number, operand in enumerate(operands):
        for part in operand.split(","):
            kind, slash, _ = part.partition("/")
            if slash or number == 0:
                yield kind
