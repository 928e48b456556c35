"""kubectl: what its verbs do, and what is refused."""

from shared.models import CommandClass
from shared.tools import failure_hints, table, verb_lists
from shared.tools.kubectl import kinds, looks, rules, scope, shown_secrets
from shared.tools.tool import Grammar, HelperProgram, Tool

DIFFERENCES = "There are differences: that is what exit code 1 of `diff` says."
DIFF = HelperProgram("diff", "KUBECTL_EXTERNAL_DIFF", ("-u", "-N"), DIFFERENCES)
"""As kubectl starts it where it finds it by itself; argocd knows the same variable."""

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

_IDENTITY = "the kubeconfig that comes with the request says who you are and where; use its contexts (`--context`)"
_SERVER = "the server is that of the kubeconfig that comes with the request; pick another with `--context`"
_WORKER_FILE = "it names a file of the worker; leave it out"
_PROFILING = "profiles would be written in the worker; leave it out"
_NO_PROGRAM = "it starts another program in the worker; use helm's own `template`, and `apply -f -` what it prints"
_NO_TERMINAL = "there is no terminal; leave it out, and give input in the field `stdin` (with `-i`)"
_NO_EDITOR = "there is no editor; use `patch`, or `apply -f -` with the manifest in `stdin`"
_NO_KUBECONFIG_CHANGE = "the kubeconfig lives for this one command; change yours, or use `--context` and `--namespace`"
_NO_TUNNEL = "a tunnel would end in the worker; use `get --raw` for the API, or `exec POD -- COMMAND`"

_REFUSED_FLAGS = {
    **dict.fromkeys(("as", "as-group", "as-uid", "as-user-extra", "password", "token", "user", "username"), _IDENTITY),
    "certificate-authority": "send the authority inside the kubeconfig, as certificate-authority-data",
    "client-certificate": "send the certificate inside the kubeconfig, as client-certificate-data",
    "client-key": "send the key inside the kubeconfig, as client-key-data",
    **dict.fromkeys(("cluster", "proxy-url", "s", "server"), _SERVER),
    "insecure-skip-tls-verify": "set insecure-skip-tls-verify in the kubeconfig's cluster, if it must be",
    "kubeconfig": "send the kubeconfig in the header X-Kubeconfig or in the field `kubeconfig`",
    "tls-server-name": "set tls-server-name in the kubeconfig's cluster",
    **dict.fromkeys(("cache-dir", "kuberc", "log-dir", "log-file"), _WORKER_FILE),
    "load-restrictor": "it lets a kustomization read files of the worker; keep its files below its own folder",
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
    "cp": "there is no file of yours in the worker; use `exec POD -- cat FILE`, or `create configmap` with `files`",
    "debug": "it needs a terminal; use `exec POD -- COMMAND`, or `run` a pod with the tools and read its `logs`",
    "edit": _NO_EDITOR,
    "kuberc": _WORKER_FILE,
    "plugin": "plugins do not run in a worker; use kubectl's own verbs",
    "port-forward": _NO_TUNNEL,
    "proxy": _NO_TUNNEL,
}

_FAILURE_HINTS = {
    r"the server doesn't have a resource type": (
        "The cluster knows no such kind: `api-resources` lists those that it knows."
    ),
    r"\(AlreadyExists\)|\" already exists": "It is there already: use `apply` to change it.",
    r"\(NotFound\): (?!namespaces )|[Nn]o resources found|no matching resources found": (
        "There is no such object in that namespace: `get` the kind with `-A` to find it."
    ),
    r"timed out waiting for the condition|exceeded its progress deadline": (
        "It was not ready in time: `get pods` and `events` of the namespace say what it waits for."
    ),
    r"Apply failed with \d{1,9} conflict": (
        "Another manager owns these fields: leave them out, or take them over with `--force-conflicts`."
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
    "COMMAND`), port-forward, proxy, cp, and flags for another identity or server. `-f` and `--watch` end with "
    "`timeout`. Secrets: `get -o json|yaml` masks values.",
    grammar=Grammar(
        table=table.load("kubectl"),
        refused_flags=_REFUSED_FLAGS,
        classes=_CLASSES,
        class_rules=rules.RULES,
        masking=shown_secrets.masking,
        kinds=kinds.kinds,
        plural=kinds.plural,
        namespace_scope=scope.of,
        hidden_kinds=scope.hidden_kinds,
        manifest_flags=frozenset({"filename"}),
        rendered_flags=frozenset({"kustomize"}),
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
    environment={
        # A kuberc file could add aliases and default flags, which the parser would not see.
        "KUBECTL_KUBERC": "false",
    },
    helpers={"diff": DIFF},
    failure_hints=_FAILURE_HINTS,
    progress_looks=looks.of,
)
