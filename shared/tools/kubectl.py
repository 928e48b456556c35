"""kubectl: verbs, flags and what is refused. Read off the help of v1.37.1, each flag's arity tried with the binary."""

from shared.models import CommandClass
from shared.tools import failure_hints
from shared.tools.failure_hints import FailureHint
from shared.tools.tool import Companion, Grammar, Tool

DIFFERENCES = "There are differences: that is what exit code 1 of `diff` says."
DIFF = Companion("diff", "KUBECTL_EXTERNAL_DIFF", ("-u", "-N"), DIFFERENCES)
"""As kubectl starts it where it finds it by itself; argocd knows the same variable."""

_CLASSES = {
    CommandClass.READ: (
        "api-resources",
        "api-versions",
        "apply view-last-applied",
        "auth can-i",
        "auth whoami",
        "cluster-info",
        "cluster-info dump",
        "describe",
        "diff",
        "events",
        "explain",
        "get",
        "logs",
        "rollout history",
        "rollout status",
        "top",
        "top node",
        "top pod",
        "version",
        "wait",
    ),
    CommandClass.WRITE: (
        "annotate",
        "apply",
        "apply set-last-applied",
        "auth reconcile",
        "autoscale",
        "certificate approve",
        "certificate deny",
        "cordon",
        "create",
        "create clusterrole",
        "create clusterrolebinding",
        "create configmap",
        "create cronjob",
        "create deployment",
        "create ingress",
        "create job",
        "create namespace",
        "create poddisruptionbudget",
        "create priorityclass",
        "create quota",
        "create role",
        "create rolebinding",
        "create secret",
        "create secret docker-registry",
        "create secret generic",
        "create secret tls",
        "create service",
        "create service clusterip",
        "create service externalname",
        "create service loadbalancer",
        "create service nodeport",
        "create serviceaccount",
        "exec",
        "expose",
        "label",
        "patch",
        "replace",
        "rollout pause",
        "rollout restart",
        "rollout resume",
        "rollout undo",
        "run",
        "scale",
        "set env",
        "set image",
        "set resources",
        "set selector",
        "set serviceaccount",
        "set subject",
        "taint",
        "uncordon",
    ),
    CommandClass.DESTRUCTIVE: ("delete", "drain"),
    CommandClass.CREDENTIAL: ("create token",),
    CommandClass.LOCAL: (
        "completion",
        "config current-context",
        "config get-clusters",
        "config get-contexts",
        "config get-users",
        "config view",
        "help",
        "kustomize",
        "options",
    ),
}

_IDENTITY = "the kubeconfig that comes with the request says who you are and where; use its contexts (`--context`)"
_SERVER = "the server is that of the kubeconfig that comes with the request; pick another with `--context`"
_WORKER_FILE = "it names a file of the worker; leave it out"
_PROFILING = "profiles would be written in the worker; leave it out"
_NO_TERMINAL = "there is no terminal; leave it out, and give input in the field `stdin` (with `-i`)"
_NO_EDITOR = "there is no editor; use `patch`, or `apply -f -` with the manifest in `stdin`"
_NO_KUBECONFIG_CHANGE = "the kubeconfig lives for this one command; change yours, or use `--context` and `--namespace`"
_NO_TUNNEL = "a tunnel would end in the worker; use `get --raw` for the API, or `exec POD -- COMMAND`"

_VALUE_FLAGS = """
L aggregation-rule annotation annotations api-group api-version audience bound-object-kind bound-object-name
bound-object-uid c categories cert chunk-size class cluster-ip clusterip clusterrole concurrency container containers
context copy-to cpu current-replicas custom default-backend description detach-keys docker-email docker-password
docker-server docker-username duration e env external-ip external-name f field-manager field-selector filename for
from from-env-file from-file from-literal grace-period group hard helm-api-versions helm-command helm-kube-version
image image-pull-policy k key keys kustomize l label-columns labels limit-bytes limits load-balancer-ip
load-restrictor log-flush-frequency max max-depth max-log-requests max-unavailable memory min min-available mount n
name namespace namespaces network-name node-port non-resource-url o output output-directory output-version
override-type overrides p patch patch-file pod-running-timeout pod-selector policy port preemption-policy prefix
protocol prune-allowlist prune-whitelist r raw replicas request-timeout requests resource resource-name
resource-version restart retries revision role rule schedule scopes section selector serviceaccount session-affinity
set-image since since-time skip-wait-for-delete-timeout sort-by subresource tail target target-port tcp template
timeout to-revision type types user v value verb verbs vmodule
"""
_BOOLEAN_FLAGS = """
A R all all-containers all-namespaces all-pods allow-missing-template-keys append-hash arguments-only as-current-user
attach cached cascade client command create-annotation current delete-emptydir-data disable-compression
disable-eviction dry-run enable-alpha-plugins enable-helm expose flatten follow force force-conflicts global-default h
helm-debug help i ignore-daemonsets ignore-errors ignore-not-found insecure-skip-tls-verify-backend interactive
leave-stdin-open list local match-server-version merge minify namespaced network no-headers no-preserve now
openapi-patch output-patch output-watch-events overwrite previous privileged prune q quiet recursive
remove-extra-permissions remove-extra-subjects replace resolve rm save-config server-print server-side show-capacity
show-events show-kind show-labels show-managed-fields show-secrets show-swap stdin sum timestamps use-protocol-buffers
validate w wait warnings-as-errors watch watch-only windows-line-endings
"""

_REFUSED_FLAGS = {
    "as": _IDENTITY,
    "as-group": _IDENTITY,
    "as-uid": _IDENTITY,
    "as-user-extra": _IDENTITY,
    "certificate-authority": "send the authority inside the kubeconfig, as certificate-authority-data",
    "client-certificate": "send the certificate inside the kubeconfig, as client-certificate-data",
    "client-key": "send the key inside the kubeconfig, as client-key-data",
    "cluster": _SERVER,
    "insecure-skip-tls-verify": "set insecure-skip-tls-verify in the kubeconfig's cluster, if it must be",
    "kubeconfig": "send the kubeconfig in the header X-Kubeconfig or in the field `kubeconfig`",
    "password": _IDENTITY,
    "proxy-url": _SERVER,
    "s": _SERVER,
    "server": _SERVER,
    "tls-server-name": "set tls-server-name in the kubeconfig's cluster",
    "token": _IDENTITY,
    "user": _IDENTITY,
    "username": _IDENTITY,
    "cache-dir": _WORKER_FILE,
    "kuberc": _WORKER_FILE,
    "log-dir": _WORKER_FILE,
    "log-file": _WORKER_FILE,
    "profile": _PROFILING,
    "profile-output": _PROFILING,
    "edit": _NO_EDITOR,
    "t": _NO_TERMINAL,
    "tty": _NO_TERMINAL,
}

_REFUSED_VERBS = {
    "apply edit-last-applied": _NO_EDITOR,
    "attach": "it needs a terminal; use `logs`, or `exec POD -- COMMAND`",
    "config delete-cluster": _NO_KUBECONFIG_CHANGE,
    "config delete-context": _NO_KUBECONFIG_CHANGE,
    "config delete-user": _NO_KUBECONFIG_CHANGE,
    "config rename-context": _NO_KUBECONFIG_CHANGE,
    "config set": _NO_KUBECONFIG_CHANGE,
    "config set-cluster": _NO_KUBECONFIG_CHANGE,
    "config set-context": _NO_KUBECONFIG_CHANGE,
    "config set-credentials": _NO_KUBECONFIG_CHANGE,
    "config unset": _NO_KUBECONFIG_CHANGE,
    "config use-context": _NO_KUBECONFIG_CHANGE,
    "cp": "there is no file of yours in the worker; use `exec POD -- cat FILE`, or `create configmap` with `files`",
    "debug": "it needs a terminal; use `exec POD -- COMMAND`, or `run` a pod with the tools and read its `logs`",
    "edit": _NO_EDITOR,
    "kuberc": _WORKER_FILE,
    "plugin": "plugins do not run in a worker; use kubectl's own verbs",
    "port-forward": _NO_TUNNEL,
    "proxy": _NO_TUNNEL,
}

_ALIASES = {
    "clusterinfo": "cluster-info",
    "config use": "config use-context",
    "create cj": "create cronjob",
    "create cm": "create configmap",
    "create deploy": "create deployment",
    "create ing": "create ingress",
    "create ns": "create namespace",
    "create pc": "create priorityclass",
    "create pdb": "create poddisruptionbudget",
    "create resourcequota": "create quota",
    "create sa": "create serviceaccount",
    "create svc": "create service",
    "set sa": "set serviceaccount",
    "top no": "top node",
    "top nodes": "top node",
    "top po": "top pod",
    "top pods": "top pod",
}

_FAILURE_HINTS = (
    FailureHint(
        r"the server doesn't have a resource type",
        "The cluster knows no such kind: `api-resources` lists those that it knows.",
    ),
    FailureHint(
        r"\(AlreadyExists\)|\" already exists",
        "It is there already: use `apply` to change it.",
    ),
    FailureHint(
        r"\(NotFound\): (?!namespaces )|[Nn]o resources found|no matching resources found",
        "There is no such object in that namespace: `get` the kind with `-A` to find it.",
    ),
    FailureHint(
        r"timed out waiting for the condition|exceeded its progress deadline",
        "It was not ready in time: `get pods` and `events` of the namespace say what it waits for.",
    ),
    FailureHint(
        r"Apply failed with \d+ conflict",
        "Another manager owns these fields: leave them out, or take them over with `--force-conflicts`.",
    ),
    *failure_hints.CLUSTER,
)

TOOL = Tool(
    name="kubectl",
    summary="Run kubectl against the cluster of your kubeconfig: read, change and follow any resource.",
    examples=(
        "get pods -n shop -o wide",
        "logs deploy/web -n shop --tail=100",
        "describe deployment web -n shop",
        "rollout status deploy/web --timeout=60s",
        "apply -f -",
    ),
    refused="Refused: edit (use `patch`, or `apply -f -` with `stdin`), attach, debug and `exec -it` (use `exec POD -- "
    "COMMAND`), port-forward, proxy, cp, and flags for another identity or server. `-f` and `--watch` end with "
    "`timeout`.",
    grammar=Grammar(
        value_flags=frozenset(_VALUE_FLAGS.split()),
        boolean_flags=frozenset(_BOOLEAN_FLAGS.split()),
        refused_flags=_REFUSED_FLAGS,
        global_flags=frozenset(
            {
                "context",
                "disable-compression",
                "log-flush-frequency",
                "match-server-version",
                "n",
                "namespace",
                "request-timeout",
                "v",
                "vmodule",
                "warnings-as-errors",
            }
        ),
        verb_groups=frozenset(
            {
                "apply",
                "auth",
                "certificate",
                "cluster-info",
                "config",
                "create",
                "create secret",
                "create service",
                "rollout",
                "set",
                "top",
            }
        ),
        classes={verb: command_class for command_class, verbs in _CLASSES.items() for verb in verbs},
        refused_verbs=_REFUSED_VERBS,
        aliases=_ALIASES,
        standalone_under={
            "containers": frozenset({"top pod"}),
            "f": frozenset({"logs"}),
            "p": frozenset({"logs"}),
            "prefix": frozenset({"logs"}),
            "raw": frozenset({"config view"}),
        },
        redefined_under={
            "user": frozenset({"create clusterrolebinding", "create rolebinding", "set subject"}),
        },
        container_verbs=frozenset({"create cronjob", "create job", "exec", "run"}),
        waiting_verbs=frozenset({"rollout status", "wait"}),
        endless={
            "events": frozenset({"w", "watch"}),
            "get": frozenset({"w", "watch", "watch-only"}),
            "logs": frozenset({"f", "follow"}),
        },
        namespace_flags=frozenset({"n", "namespace"}),
        context_flags=frozenset({"context"}),
        local_flags=frozenset({"client", "h", "help", "local"}),
    ),
    version_arguments=("version", "--client"),
    version_pattern=r"Client Version: v?(\S+)",
    install_hint="get it from https://kubernetes.io/docs/tasks/tools/",
    environment={
        # A kuberc file could add aliases and default flags, which the parser would not see.
        "KUBECTL_KUBERC": "false",
    },
    companions={"diff": DIFF},
    failure_hints=_FAILURE_HINTS,
)
