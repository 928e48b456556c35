"""Defines istioctl: what its verbs do, and which commands are refused. `-c` is the same flag as `--kubeconfig`."""

from shared.command.reading import Reading
from shared.models import CommandClass
from shared.tools import failure_hints, table, verb_lists
from shared.tools.class_rules import DRY_RUN, Effect, given, is_dry, reads, reveals, widens
from shared.tools.istioctl import waits
from shared.tools.tool import Grammar, Tool

_CLASSES = verb_lists.classes(
    {
        CommandClass.READ: {
            "": "analyze authz bug-report kube-inject proxy-config proxy-status remote-clusters version ztunnel-config",
            "bug-report": "version",
            "experimental": "authz check-inject config describe envoy-stats injector internal-debug metrics precheck "
            "proxy-status version",
            "experimental authz": "check",
            "experimental config": "list",
            "experimental describe": "pod service",
            "experimental injector": "list",
            "proxy-config": "all bootstrap cluster ecds eds endpoint listener rootca-compare route secret",
            "tag": "generate list",
            "waypoint": "list status",
            "ztunnel-config": "all certificate connections policy service workload",
        },
        CommandClass.WRITE: {
            "": "admin install upgrade",
            "admin": "log",
            "manifest": "install",
            "proxy-config": "log",
            "tag": "set",
            "waypoint": "apply",
            "ztunnel-config": "log",
        },
        CommandClass.DESTRUCTIVE: {
            "": "uninstall",
            "tag": "remove",
            "waypoint": "delete",
        },
        CommandClass.INTERACTIVE: {
            "dashboard": "controlz envoy grafana istiod-debug jaeger kiali prometheus proxy skywalking zipkin",
        },
        CommandClass.LOCAL: {
            "": "help options validate",
            "completion": "bash fish powershell zsh",
            "experimental workload group": "create",
            "manifest": "generate translate",
            "waypoint": "generate",
        },
        CommandClass.CREDENTIAL: {
            "": "create-remote-secret",
            "experimental workload entry": "configure",
        },
    }
)


def _computes_from_live(reading: Reading) -> bool:
    """Whether the command installs a control plane, which may take over what another one has left."""
    return reading.path in {"install", "manifest install", "upgrade"} and not reading.has(DRY_RUN, "help")


_RULES = (
    reads(
        "dry-run", "with `--dry-run` nothing is changed", is_dry, verbs="install, manifest install, uninstall, upgrade"
    ),
    reads(
        "generating-for-the-cluster",
        "it reads the cluster for which it generates manifests",
        given("cluster-specific"),
        verbs="manifest generate",
    ),
    reveals(
        "secret-values",
        "this verbose log contains answers of the API server, and so values of Secrets",
        lambda reading: reading.has("vklog") and _computes_from_live(reading),
    ),
    widens(
        "purge",
        "it removes every revision and resources that the whole cluster shares",
        given("purge"),
        verbs="uninstall",
        effect=Effect.CLUSTER_SCOPE,
    ),
    widens(
        "all-waypoints",
        "it names no waypoint, so it deletes all",
        given("all"),
        verbs="waypoint delete",
        effect=Effect.MASS,
    ),
)


_TUNNELLING = frozenset(
    verb_lists.paths(
        {
            "": "authz bug-report install kube-inject proxy-status remote-clusters upgrade version",
            "admin": "log",
            "experimental": "authz envoy-stats internal-debug metrics proxy-status version",
            "experimental authz": "check",
            "experimental describe": "pod service",
            "manifest": "install",
            "proxy-config": "all bootstrap cluster ecds eds endpoint listener log rootca-compare route secret",
            "ztunnel-config": "all certificate connections log policy service workload",
        }
    )
)
"""Verbs that connect to istiod, Prometheus or a proxy through a local port, which istioctl forwards to the pod."""

_IDENTITY = "the kubeconfig of the request defines your identity and cluster; use its contexts (`--context`)"
_KUBECONFIG = "send the kubeconfig in the header X-Kubeconfig or in the field `kubeconfig`"
_WORKER_FILE = "it names a file of the worker; leave it out"
_CONTROL_PLANE = "istioctl finds istiod through the kubeconfig's cluster; leave the flag out"

_REFUSED_FLAGS = {
    **dict.fromkeys(("as", "as-group", "as-uid"), _IDENTITY),
    **dict.fromkeys(("c", "kubeconfig"), _KUBECONFIG),
    **dict.fromkeys(("authority", "xds-address"), _CONTROL_PLANE),
    **dict.fromkeys(("cert-dir", "log-rotate", "log-rotate-max-age", "log-rotate-max-backups"), _WORKER_FILE),
    **dict.fromkeys(("log-rotate-max-size", "log-target"), _WORKER_FILE),
}

_FAILURE_HINTS = {
    r"no (running|ready) Istio pods|unable to find any Istiod instances": (
        "No Istio control plane runs in that namespace: name another with `-i`, or see `x precheck` and `install -y`."
    ),
    r"\" not found in the \"": (
        "The pod or workload does not exist in that namespace: kubectl `get pods -A` shows where it is."
    ),
    **failure_hints.CLUSTER,
}

TOOL = Tool(
    name="istioctl",
    summary="Run istioctl against the cluster of your kubeconfig: analyse, inspect, install and upgrade Istio.",
    examples=("analyze -n shop", "proxy-status", "proxy-config routes deploy/web -n shop", "version"),
    refused="Refused: dashboard (use `proxy-status` or `proxy-config`), and flags for another identity. `install` "
    "needs `-y`, because nobody can answer its question.",
    grammar=Grammar(
        table=table.load("istioctl"),
        refused_flags=_REFUSED_FLAGS,
        classes=_CLASSES,
        class_rules=_RULES,
        computes_from_live=_computes_from_live,
        file_operands=frozenset({"analyze", "validate"}),
        refused_verbs={
            "dashboard": "its tunnel would end in the worker; use `proxy-config` or `proxy-status`",
        },
        waiting_verbs=frozenset({"bug-report", "install", "manifest install", "uninstall", "upgrade"}),
        waiting_flags=frozenset({"wait"}),
        timeout_flags=frozenset({"readiness-timeout", "timeout", "waypoint-timeout"}),
        namespace_flags=frozenset({"namespace"}),
        context_flags=frozenset({"context"}),
        local_flags=frozenset({"help"}),
        reaching_flags=frozenset({"remote", "use-kube"}),
        default_wait_s=300,
    ),
    version_arguments=("version", "--remote=false"),
    version_pattern=r"(?:client version: )?v?(\d\S*)",
    listening_verbs=_TUNNELLING,
    failure_hints=_FAILURE_HINTS,
    install_hint="get it from https://istio.io/latest/docs/setup/getting-started/#download",
    awaited=waits.of,
)
