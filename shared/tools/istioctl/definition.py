"""Defines istioctl: what its verbs do, and which commands are refused. `-c` is the same flag as `--kubeconfig`."""

from shared.command.reading import Reading
from shared.models import CommandClass
from shared.tools import failure_hints, table
from shared.tools.class_rules import ClassRule, Effect, given
from shared.tools.failure_hints import FailureHint
from shared.tools.istioctl import looks
from shared.tools.namespace_scope import NamespaceScope, untold
from shared.tools.tool import Grammar, Tool

_PROXY_CONFIG = "all bootstrap cluster ecds eds endpoint listener rootca-compare route secret"
_ZTUNNEL_CONFIG = "all certificate connections policy service workload"
_DASHBOARDS = "controlz envoy grafana istiod-debug jaeger kiali prometheus proxy skywalking zipkin"
_SHELLS = "bash fish powershell zsh"

_CLASSES = {
    CommandClass.READ: (
        "analyze",
        "authz",
        "bug-report",
        "bug-report version",
        "experimental authz",
        "experimental authz check",
        "experimental check-inject",
        "experimental config",
        "experimental config list",
        "experimental describe",
        "experimental describe pod",
        "experimental describe service",
        "experimental envoy-stats",
        "experimental injector",
        "experimental injector list",
        "experimental internal-debug",
        "experimental metrics",
        "experimental precheck",
        "experimental proxy-status",
        "experimental version",
        "kube-inject",
        "proxy-config",
        "proxy-status",
        "remote-clusters",
        "tag generate",
        "tag list",
        "version",
        "waypoint list",
        "waypoint status",
        "ztunnel-config",
        *(f"proxy-config {verb}" for verb in _PROXY_CONFIG.split()),
        *(f"ztunnel-config {verb}" for verb in _ZTUNNEL_CONFIG.split()),
    ),
    CommandClass.WRITE: (
        "admin",
        "admin log",
        "install",
        "manifest install",
        "proxy-config log",
        "tag set",
        "upgrade",
        "waypoint apply",
        "ztunnel-config log",
    ),
    CommandClass.DESTRUCTIVE: ("tag remove", "uninstall", "waypoint delete"),
    CommandClass.CREDENTIAL: ("create-remote-secret", "experimental workload entry configure"),
    CommandClass.INTERACTIVE: tuple(f"dashboard {name}" for name in _DASHBOARDS.split()),
    CommandClass.LOCAL: (
        *(f"completion {shell}" for shell in _SHELLS.split()),
        "experimental workload group create",
        "help",
        "manifest generate",
        "manifest translate",
        "options",
        "validate",
        "waypoint generate",
    ),
}

_RULES = (
    ClassRule(
        "dry-run",
        "with `--dry-run` nothing is changed",
        given("dry-run"),
        verbs=frozenset({"install", "manifest install", "uninstall", "upgrade"}),
        to=CommandClass.READ,
    ),
    ClassRule(
        "generating-for-the-cluster",
        "it reads the cluster for which it generates",
        given("cluster-specific"),
        verbs=frozenset({"manifest generate"}),
        to=CommandClass.READ,
    ),
    ClassRule(
        "full-secrets",
        "the report contains values of Secrets",
        given("full-secrets"),
        verbs=frozenset({"bug-report"}),
        to=CommandClass.CREDENTIAL,
    ),
    ClassRule(
        "secret-values",
        "so verbose it shows answers of the API server, values of Secrets among them",
        lambda reading: reading.has("vklog"),
        to=CommandClass.CREDENTIAL,
    ),
    ClassRule(
        "purge",
        "it removes every revision and resources that the whole cluster shares",
        given("purge"),
        verbs=frozenset({"uninstall"}),
        effect=Effect.CLUSTER_SCOPE,
    ),
    ClassRule(
        "all-waypoints",
        "it names none, so it deletes all of them",
        given("all"),
        verbs=frozenset({"waypoint delete"}),
        effect=Effect.MASS,
    ),
)


def _namespace_scope(reading: Reading) -> NamespaceScope:
    """`proxy-config` reads pods, also as `POD.NAMESPACE`. The reach of other verbs is unknown."""
    if not reading.path.startswith("proxy-config "):
        return untold(reading)
    of_pods = (operand.rpartition(".")[2] for operand in reading.operands if "." in operand)
    return NamespaceScope(named=(*of_pods, *reading.values("istioNamespace")))


_TUNNELLING = frozenset(
    (
        "admin log",
        "authz",
        "bug-report",
        "experimental authz",
        "experimental authz check",
        "experimental describe pod",
        "experimental describe service",
        "experimental envoy-stats",
        "experimental internal-debug",
        "experimental metrics",
        "experimental proxy-status",
        "experimental version",
        "install",
        "kube-inject",
        "manifest install",
        "proxy-status",
        "remote-clusters",
        "upgrade",
        "version",
        *(f"proxy-config {verb}" for verb in _PROXY_CONFIG.split()),
        "proxy-config log",
        *(f"ztunnel-config {verb}" for verb in _ZTUNNEL_CONFIG.split()),
        "ztunnel-config log",
    )
)
"""Verbs that connect to istiod, Prometheus or a proxy through a local port, which istioctl forwards to the pod."""

_IDENTITY = "the kubeconfig of the request defines your identity and cluster; use its contexts (`--context`)"
_KUBECONFIG = "send the kubeconfig in the header X-Kubeconfig or in the field `kubeconfig`"
_WORKER_FILE = "it names a file of the worker; leave it out"
_CONTROL_PLANE = "istioctl finds istiod through the kubeconfig's cluster; leave the flag out"

_REFUSED_FLAGS = {
    "as": _IDENTITY,
    "as-group": _IDENTITY,
    "as-uid": _IDENTITY,
    "c": _KUBECONFIG,
    "kubeconfig": _KUBECONFIG,
    "authority": _CONTROL_PLANE,
    "cert-dir": _WORKER_FILE,
    "xds-address": _CONTROL_PLANE,
    "log-rotate": _WORKER_FILE,
    "log-rotate-max-age": _WORKER_FILE,
    "log-rotate-max-backups": _WORKER_FILE,
    "log-rotate-max-size": _WORKER_FILE,
    "log-target": _WORKER_FILE,
}

_FAILURE_HINTS = (
    FailureHint(
        r"no (running|ready) Istio pods|unable to find any Istiod instances",
        "No Istio control plane runs in that namespace: name another with `-i`, or see `x precheck` and `install -y`.",
    ),
    FailureHint(
        r"\" not found in the \"",
        "The pod or workload does not exist in that namespace: kubectl `get pods -A` shows where it is.",
    ),
    *failure_hints.CLUSTER,
)

TOOL = Tool(
    name="istioctl",
    summary="Run istioctl against the cluster of your kubeconfig: analyse, inspect, install and upgrade Istio.",
    examples=("analyze -n shop", "proxy-status", "proxy-config routes deploy/web -n shop", "version"),
    refused="Refused: dashboard (use `proxy-status` or `proxy-config`), and flags for another identity. `install` "
    "needs `-y`, because nobody can answer its question.",
    grammar=Grammar(
        table=table.load("istioctl"),
        refused_flags=_REFUSED_FLAGS,
        classes={verb: command_class for command_class, verbs in _CLASSES.items() for verb in verbs},
        class_rules=_RULES,
        namespace_scope=_namespace_scope,
        file_operands=frozenset({"analyze", "validate"}),
        refused_verbs={
            "dashboard": "its tunnel would end in the worker; use `proxy-config` or `proxy-status`",
        },
        waiting_verbs=frozenset({"bug-report", "install", "manifest install", "uninstall", "upgrade"}),
        waiting_flags=frozenset({"wait"}),
        timeout_flags=frozenset({"readiness-timeout", "timeout", "waypoint-timeout"}),
        namespace_flags=frozenset({"namespace"}),
        context_flags=frozenset({"context"}),
        local_flags=frozenset({"help", "remote=false", "use-kube=false"}),
        default_wait_s=300,
    ),
    version_arguments=("version", "--remote=false"),
    version_pattern=r"(?:client version: )?v?(\d\S*)",
    listening_verbs=_TUNNELLING,
    failure_hints=_FAILURE_HINTS,
    install_hint="get it from https://istio.io/latest/docs/setup/getting-started/#download",
    progress_looks=looks.of,
)
