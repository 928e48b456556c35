"""Defines kubectl: what its verbs do, and which commands are refused."""

from shared.models import CommandClass
from shared.tools import failure_hints, table, verb_lists
from shared.tools.kubectl import kinds, rules, scope, shown_secrets, waits
from shared.tools.tool import Grammar, HelperProgram, IdentityFlags, Tool

DIFFERENCES = "There are differences, and so `diff` exits with code 1."
DIFF = HelperProgram("diff", "KUBECTL_EXTERNAL_DIFF", ("-u", "-N"), DIFFERENCES)
"""The program and its arguments are kubectl's defaults. argocd reads the same variable."""

_CLASSES = verb_lists.classes(
    {
        CommandClass.READ: {
            "": "api-resources api-versions cluster-info describe diff events explain get logs top version wait",
            "apply": "view-last-applied",
            "auth": "can-i whoami",
            "cluster-info": "dump",
            "rollout": "history status",
            "top": "node pod",
        },
        CommandClass.WRITE: {
            "": "annotate apply autoscale cordon cp create exec expose label patch replace run scale taint uncordon",
            "apply": "set-last-applied",
            "auth": "reconcile",
            "certificate": "approve deny",
            "create": "clusterrole clusterrolebinding configmap cronjob deployment ingress job namespace "
            "poddisruptionbudget priorityclass quota role rolebinding secret service serviceaccount",
            "create secret": "docker-registry generic tls",
            "create service": "clusterip externalname loadbalancer nodeport",
            "rollout": "pause restart resume undo",
            "set": "env image resources selector serviceaccount subject",
        },
        CommandClass.DESTRUCTIVE: {"": "delete drain"},
        CommandClass.INTERACTIVE: {
            "": "attach debug edit port-forward proxy",
            "apply": "edit-last-applied",
        },
        CommandClass.LOCAL: {
            "": "completion help kustomize options",
            "config": "current-context delete-cluster delete-context delete-user get-clusters get-contexts get-users "
            "rename-context set set-cluster set-context set-credentials unset use-context view",
            "plugin": "list",
        },
        CommandClass.CREDENTIAL: {"create": "token"},
    }
)

_IDENTITY = "the kubeconfig of the request defines your identity and cluster; use its contexts (`--context`)"
_SERVER = "the kubeconfig of the request names the server; choose another context with `--context`"
_WORKER_FILE = "it names a file of the worker; leave it out"
_PROFILING = "it writes profiles to files of the worker; leave it out"
_NO_PROGRAM = "it runs a program in the worker; render with helm's `template`, and apply the output with `apply -f -`"
_NO_TERMINAL = "there is no terminal; leave it out, and send input in the field `stdin` (with `-i`)"
_NO_EDITOR = "there is no editor; use `patch`, or `apply -f -` with the manifest in `stdin`"
_NO_KUBECONFIG_CHANGE = "the kubeconfig is used for one command; change your own, or use `--context` and `--namespace`"
_NO_TUNNEL = "its tunnel would end in the worker; use `get --raw` for the API, or `exec POD -- COMMAND`"

_REFUSED_FLAGS = {
    **dict.fromkeys(("password", "token", "user", "username"), _IDENTITY),
    "certificate-authority": "send the authority in the kubeconfig, as certificate-authority-data",
    "client-certificate": "send the certificate in the kubeconfig, as client-certificate-data",
    "client-key": "send the key in the kubeconfig, as client-key-data",
    **dict.fromkeys(("cluster", "proxy-url", "s", "server"), _SERVER),
    "insecure-skip-tls-verify": "set insecure-skip-tls-verify in the kubeconfig's cluster, if you need it",
    "kubeconfig": "send the kubeconfig in the header X-Kubeconfig or in the field `kubeconfig`",
    "tls-server-name": "set tls-server-name in the kubeconfig's cluster",
    **dict.fromkeys(("cache-dir", "kuberc", "log-dir", "log-file"), _WORKER_FILE),
    "load-restrictor": "it lets a kustomization read files of the worker; keep all files in the kustomization's folder",
    **dict.fromkeys(("profile", "profile-output"), _PROFILING),
    **dict.fromkeys(("enable-alpha-plugins", "enable-helm", "helm-command"), _NO_PROGRAM),
    "edit": _NO_EDITOR,
    **dict.fromkeys(("t", "tty"), _NO_TERMINAL),
}

_CONFIG_CHANGES = verb_lists.paths(
    {
        "config": "delete-cluster delete-context delete-user rename-context set set-cluster set-context "
        "set-credentials unset use-context"
    }
)
_REFUSED_VERBS = {
    "apply edit-last-applied": _NO_EDITOR,
    "attach": "it needs a terminal; use `logs`, or `exec POD -- COMMAND`",
    **dict.fromkeys(_CONFIG_CHANGES, _NO_KUBECONFIG_CHANGE),
    "cp": "workers do not have your files; use `exec POD -- cat FILE`, or `create configmap` with `files`",
    "debug": "it needs a terminal; use `exec POD -- COMMAND`, or `run` a pod with the tools and read its `logs`",
    "edit": _NO_EDITOR,
    "kuberc": _WORKER_FILE,
    "plugin": "plugins do not run in a worker; use kubectl's own verbs",
    "port-forward": _NO_TUNNEL,
    "proxy": _NO_TUNNEL,
}

_FAILURE_HINTS = {
    r"the server doesn't have a resource type": (
        "The cluster does not have that kind: `api-resources` lists its kinds."
    ),
    r"\(AlreadyExists\)|\" already exists": "The object already exists: use `apply` to change it.",
    r"\(NotFound\): (?!namespaces |the server could not find the requested resource)|"
    r"[Nn]o resources found|no matching resources found": (
        "The object does not exist in that namespace: `get` the kind with `-A` to find it."
    ),
    r"timed out waiting for the condition|exceeded its progress deadline": (
        "The object was not ready in time: `get pods` and `events` of the namespace may show why."
    ),
    r"Apply failed with \d{1,9} conflict": (
        "Another manager owns these fields: leave them out, or take them over with `--force-conflicts`."
    ),
    r"no objects passed to ": "`-f -` reads the request's `stdin`, which is empty: send the manifest there.",
    r"Metrics API not available": (
        "`top` needs the metrics-server, which this cluster does not have: `describe node` shows what pods request."
    ),
    **failure_hints.CLUSTER,
}

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
    "COMMAND`), port-forward, proxy, cp, and flags for other credentials or servers. `-f` and `--watch` end with "
    "`timeout`. Values of Secrets are masked.",
    grammar=Grammar(
        table=table.load("kubectl"),
        refused_flags=_REFUSED_FLAGS,
        classes=_CLASSES,
        class_rules=rules.RULES,
        masking=shown_secrets.masking,
        computes_from_live=shown_secrets.are_needed,
        kinds=kinds.kinds,
        plural=kinds.plural,
        is_namespaced=scope.is_namespaced,
        identity_flags=IdentityFlags("as", "as-group", "as-uid", "as-user-extra"),
        self_reviews=frozenset({"auth can-i", "auth whoami"}),
        looked_up=scope.looked_up,
        file_operands=frozenset({"kustomize"}),
        file_formats=rules.FILE_FORMATS,
        refused_verbs=_REFUSED_VERBS,
        redefined_under={
            "user": frozenset({"create clusterrolebinding", "create rolebinding", "set subject"}),
        },
        container_verbs=frozenset({"create cronjob", "create job", "exec", "run"}),
        waiting_verbs=frozenset({"rollout status", "wait"}),
        endless={
            "events": frozenset({"watch"}),
            "get": frozenset({"watch", "watch-only"}),
            "logs": frozenset({"follow"}),
        },
        namespace_flags=frozenset({"namespace"}),
        context_flags=frozenset({"context"}),
        local_flags=frozenset({"client", "help", "local"}),
    ),
    version_arguments=("version", "--client"),
    version_pattern=r"Client Version: v?(\S+)",
    install_hint="get it from https://kubernetes.io/docs/tasks/tools/",
    # With `--raw`, older versions leave out the path of the kubeconfig's server, and so do not find the worker's door.
    least_version="1.36",
    older_fault="`get --raw` does not reach the cluster",
    environment={
        # A kuberc file could add aliases and default flags, which the parser would not see.
        "KUBECTL_KUBERC": "false",
    },
    helpers={"diff": DIFF},
    failure_hints=_FAILURE_HINTS,
    awaited=waits.of,
)
