"""istioctl: verbs, flags and what is refused. Read off the source of the 1.30 line; `-c` is its `--kubeconfig`."""

from shared.models import CommandClass
from shared.tools import failure_hints
from shared.tools.failure_hints import FailureHint
from shared.tools.tool import Grammar, Tool

_PROXY_CONFIG = (
    "all bootstrap cluster ecds eds endpoint listener rootca-compare route secret",
    {"a": "all", "b": "bootstrap", "c": "cluster", "clusters": "cluster", "ec": "ecds", "ep": "endpoint"}
    | {"endpoints": "endpoint", "l": "listener", "listeners": "listener", "o": "log", "r": "route", "routes": "route"}
    | {"rc": "rootca-compare", "s": "secret", "secrets": "secret"},
)
_ZTUNNEL_CONFIG = (
    "all certificate connections policy service workload",
    {"cert": "certificate", "certificates": "certificate", "certs": "certificate", "cons": "connections"}
    | {"o": "log", "p": "policy", "pol": "policy", "policies": "policy", "s": "service", "services": "service"}
    | {"svc": "service", "w": "workload", "workloads": "workload"},
)

_CLASSES = {
    CommandClass.READ: (
        "analyze",
        "bug-report",
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
        "tag list",
        "version",
        "waypoint list",
        "waypoint status",
        "ztunnel-config",
        *(f"proxy-config {verb}" for verb in _PROXY_CONFIG[0].split()),
        *(f"ztunnel-config {verb}" for verb in _ZTUNNEL_CONFIG[0].split()),
    ),
    CommandClass.WRITE: (
        "admin",
        "admin log",
        "experimental workload",
        "experimental workload entry",
        "experimental workload entry configure",
        "install",
        "manifest install",
        "proxy-config log",
        "tag set",
        "upgrade",
        "waypoint apply",
        "ztunnel-config log",
    ),
    CommandClass.DESTRUCTIVE: ("tag remove", "uninstall", "waypoint delete"),
    CommandClass.CREDENTIAL: ("create-remote-secret",),
    CommandClass.LOCAL: (
        "completion",
        "experimental workload group",
        "experimental workload group create",
        "help",
        "manifest generate",
        "manifest translate",
        "options",
        "validate",
        "waypoint generate",
    ),
}

_IDENTITY = "the kubeconfig that comes with the request says who you are and where; use its contexts (`--context`)"
_KUBECONFIG = "send the kubeconfig in the header X-Kubeconfig or in the field `kubeconfig`"
_WORKER_FILE = "it names a file of the worker; leave it out"
_CONTROL_PLANE = "istiod is found through the kubeconfig's cluster; leave it out"

_VALUE_FLAGS = """
S a address analyzer annotations app charts cluster clusterID context critical-errs ctrlz-port d dir direction duration
end-time exclude externalIP f failure-threshold file filename filter fqdn from-version i ignore-errs include
ingressIP ingressService injectConfigFile injectConfigMapName internalIP istio-namespace istioNamespace kubeTimeout l
labels level locality log-caller log-output-level log-stacktrace-level manifests meshConfigFile meshConfigMapName n name
namespace network node o operatorFileName output output-dir output-threshold p policy-namespace port ports
proxy-admin-port r readiness-timeout remote-contexts revision rq-concurrency s secret-name selector service-account
service-namespace serviceAccount set stack-trace-level start-time status subset suppress t tail timeout tokenDuration
type valuesFile verbosity vklog waypoint-timeout webhook-name webhookConfig weight workload-namespace workload-node
workload-ip xds-label xds-port
"""
_BOOLEAN_FLAGS = """
A L R all all-namespaces auto-inject-namespaces autoregister capture-dns cluster-specific color create-service-account
dry-run enroll-namespace force full-secrets h help ignore-unknown ignoreUnmeshed insecure k list list-analyzers
log-as-json log-reset overwrite plaintext purge raw recursive referential remote reset short skip-analyze
skip-cluster-dump skip-confirmation skip-controlplane skip-coredumps skip-netstat skip-proxy-debug stack-trace-reset
use-kube v verbose verify w wait waypoint with-headers x y
"""

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

_ALIASES = {
    "admin l": "admin log",
    "apply": "install",
    "d": "dashboard",
    "dash": "dashboard",
    "exp": "experimental",
    "experimental describe po": "experimental describe pod",
    "experimental describe svc": "experimental describe service",
    "experimental des": "experimental describe",
    "experimental es": "experimental envoy-stats",
    "experimental m": "experimental metrics",
    "experimental ps": "experimental proxy-status",
    "istiod": "admin",
    "manifest apply": "manifest install",
    "pc": "proxy-config",
    "ps": "proxy-status",
    "tag delete": "tag remove",
    "tag show": "tag list",
    "v": "validate",
    "x": "experimental",
    "zc": "ztunnel-config",
    **{f"proxy-config {alias}": f"proxy-config {verb}" for alias, verb in _PROXY_CONFIG[1].items()},
    **{f"ztunnel-config {alias}": f"ztunnel-config {verb}" for alias, verb in _ZTUNNEL_CONFIG[1].items()},
}

_FAILURE_HINTS = (
    FailureHint(
        r"no (running|ready) Istio pods|unable to find any Istiod instances",
        "No Istio control plane runs in that namespace: name another with `-i`, or see `x precheck` and `install -y`.",
    ),
    FailureHint(
        r"\" not found in the \"",
        "There is no such pod or workload in that namespace: kubectl `get pods -A` shows where it is.",
    ),
    *failure_hints.CLUSTER,
)

TOOL = Tool(
    name="istioctl",
    summary="Run istioctl against the cluster of your kubeconfig: analyse, inspect, install and upgrade Istio.",
    examples=("analyze -n shop", "proxy-status", "proxy-config routes deploy/web -n shop", "version"),
    refused="Refused: dashboard (use `proxy-status` or `proxy-config`), and flags for another identity. `install` "
    "needs `-y`, for nobody answers its question.",
    grammar=Grammar(
        value_flags=frozenset(_VALUE_FLAGS.split()),
        boolean_flags=frozenset(_BOOLEAN_FLAGS.split()),
        refused_flags=_REFUSED_FLAGS,
        global_flags=frozenset(
            {
                "context",
                "i",
                "istioNamespace",
                "log-as-json",
                "log-caller",
                "log-output-level",
                "log-stacktrace-level",
                "n",
                "namespace",
                "vklog",
            }
        ),
        verb_groups=frozenset(
            {
                "admin",
                "experimental",
                "experimental authz",
                "experimental config",
                "experimental describe",
                "experimental injector",
                "experimental workload",
                "experimental workload entry",
                "experimental workload group",
                "manifest",
                "proxy-config",
                "tag",
                "waypoint",
                "ztunnel-config",
            }
        ),
        classes={verb: command_class for command_class, verbs in _CLASSES.items() for verb in verbs},
        refused_verbs={
            "dashboard": "a tunnel would end in the worker; use `proxy-config` or `proxy-status`",
        },
        aliases=_ALIASES,
        standalone_under={
            "r": frozenset({"proxy-config log", "ztunnel-config log"}),
            "s": frozenset({"version", "experimental version"}),
        },
        waiting_verbs=frozenset({"bug-report", "install", "manifest install", "uninstall", "upgrade"}),
        waiting_flags=frozenset({"w", "wait"}),
        timeout_flags=frozenset({"readiness-timeout", "timeout", "waypoint-timeout"}),
        namespace_flags=frozenset({"n", "namespace"}),
        context_flags=frozenset({"context"}),
        local_flags=frozenset({"h", "help", "remote=false", "use-kube=false"}),
        default_wait_s=300,
    ),
    version_arguments=("version", "--remote=false"),
    version_pattern=r"(?:client version: )?v?(\d\S*)",
    failure_hints=_FAILURE_HINTS,
    install_hint="get it from https://istio.io/latest/docs/setup/getting-started/#download",
)
