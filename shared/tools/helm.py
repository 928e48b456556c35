"""helm: verbs, flags and what is refused. Read off the help of v4.3.1, each flag's arity tried with the binary.

Flags that only helm 3 has are in the tables too.
"""

from shared.models import CommandClass
from shared.tools import failure_hints
from shared.tools.failure_hints import FailureHint
from shared.tools.tool import Grammar, Tool

_CLASSES = {
    CommandClass.READ: (
        "get all",
        "get hooks",
        "get manifest",
        "get metadata",
        "get notes",
        "get values",
        "history",
        "list",
        "status",
    ),
    CommandClass.WRITE: ("install", "push", "rollback", "test", "upgrade"),
    CommandClass.DESTRUCTIVE: ("uninstall",),
    CommandClass.LOCAL: (
        "completion",
        "create",
        "dependency",
        "env",
        "help",
        "lint",
        "package",
        "pull",
        "registry",
        "repo",
        "search",
        "show",
        "template",
        "verify",
        "version",
    ),
}

_LOCAL_GROUPS = {
    "dependency": ("build", "list", "update"),
    "registry": ("login", "logout"),
    "repo": ("add", "index", "list", "remove", "update"),
    "search": ("hub", "repo"),
    "show": ("all", "chart", "crds", "readme", "values"),
}
"""All local; they stand below their group so that a verb path is named in full."""

_IDENTITY = "the kubeconfig that comes with the request says who you are and where; use its contexts (`--kube-context`)"
_SERVER = "the server is that of the kubeconfig that comes with the request; pick another with `--kube-context`"
_WORKER_FILE = "it names a file of the worker; leave it out"
_NO_EXECUTION = (
    "it runs a program in the worker; render with `template`, change the manifest, and apply it with kubectl"
)

_VALUE_FLAGS = """
a api-versions app-version burst-limit ca-file cascade cert-file color colour d description destination endpoint f
filter history-max jsonpath key key-file kube-context kube-version l labels m max max-col-width merge n name-template
namespace o offset output output-dir p passphrase-file password qps repo revision s selector server-side set set-file
set-json set-literal set-string show-only starter template time-format timeout type u untardir url username values
version
"""
_BOOLEAN_FLAGS = """
A all all-namespaces allow-deprecated-repos atomic client cleanup-on-fail create-namespace date debug
dependency-update deployed devel disable-openapi-validation dry-run enable-dns fail-on-no-result failed force
force-conflicts force-replace force-update g generate-name h help hide-notes hide-secret i ignore-not-found include-crds
insecure insecure-skip-tls-verify install is-upgrade json keep-history list-repo-url logs no-descriptions no-headers
no-hooks no-update pass-credentials password-stdin pending plain-http prov q quiet r recreate-pods regexp release-name
render-subchart-notes replace reset-then-reuse-values reset-values reuse-values reverse rollback-on-failure short
show-rollback-revision show-resources sign skip-crds skip-refresh skip-schema-validation skip-tests strict superseded
take-ownership uninstalled uninstalling untar validate verify versions wait wait-for-jobs with-subcharts
"""

_REFUSED_FLAGS = {
    "kube-apiserver": _SERVER,
    "kube-as-group": _IDENTITY,
    "kube-as-user": _IDENTITY,
    "kube-ca-file": "send the authority inside the kubeconfig, as certificate-authority-data",
    "kube-insecure-skip-tls-verify": "set insecure-skip-tls-verify in the kubeconfig's cluster, if it must be",
    "kube-tls-server-name": "set tls-server-name in the kubeconfig's cluster",
    "kube-token": _IDENTITY,
    "kubeconfig": "send the kubeconfig in the header X-Kubeconfig or in the field `kubeconfig`",
    "content-cache": _WORKER_FILE,
    "keyring": _WORKER_FILE,
    "registry-config": _WORKER_FILE,
    "repository-cache": _WORKER_FILE,
    "repository-config": _WORKER_FILE,
    "post-renderer": _NO_EXECUTION,
    "post-renderer-args": _NO_EXECUTION,
}

_ALIASES = {
    "dep": "dependency",
    "dependencies": "dependency",
    "dependency ls": "dependency list",
    "dependency up": "dependency update",
    "del": "uninstall",
    "delete": "uninstall",
    "fetch": "pull",
    "hist": "history",
    "inspect": "show",
    "ls": "list",
    "repo ls": "repo list",
    "repo rm": "repo remove",
    "repo up": "repo update",
    "un": "uninstall",
}

_FAILURE_HINTS = (
    FailureHint(
        r"another operation \(install/upgrade/rollback\) is in progress|cannot re-?use a name that is still in use",
        "The release is there, perhaps half-installed by a command that was cut off: see `history RELEASE`. Where "
        "it says pending, `rollback RELEASE REVISION` to the last deployed one, or `uninstall RELEASE` where there is "
        "none, and then send the command again.",
    ),
    FailureHint(
        r"has no deployed releases",
        "No release of that name was ever deployed: `upgrade --install` makes a new one; where `history RELEASE` shows "
        "one that failed, `uninstall RELEASE` first.",
    ),
    FailureHint(
        r"cannot be imported into the current release",
        "It is there already and not part of this release: add `--take-ownership`, or delete it first.",
    ),
    FailureHint(
        r"nil pointer evaluating|error calling (required|include|fail)|failed parsing --set|values don't meet",
        "The chart's values do not fit: `show values CHART` lists them; set them in `files` and with `-f`, or with "
        "`--set NAME=VALUE`.",
    ),
    FailureHint(
        r"release: not found|release not found",
        "There is no such release in that namespace: `list -A` shows those that there are.",
    ),
    FailureHint(
        r"context deadline exceeded|timed out waiting for the condition|resource [^\n]{0,200} not ready",
        "Its objects were not ready in time: kubectl `get pods` and `events` of the namespace say why. The release is "
        "kept as failed: upgrade it, roll it back, or uninstall it.",
    ),
    FailureHint(
        r"repo \S+ not found|no repositories to show|no repo named",
        "Repositories are not kept from one command to the next: name the chart's with `--repo URL`, or as oci://.",
    ),
    *failure_hints.CLUSTER,
)

TOOL = Tool(
    name="helm",
    summary="Run helm against the cluster of your kubeconfig: list, install, upgrade, roll back and remove releases.",
    examples=(
        "list -A",
        "upgrade --install web oci://registry.example/charts/web -n shop --wait -f values.yaml",
        "status web -n shop",
        "rollback web 3 -n shop",
        "template web ./chart",
    ),
    refused="Refused: plugins, post-renderers, and flags for another identity or server. Repositories are not kept: "
    "use `--repo URL` or oci://. Send values and charts in `files`. For a long install say `--wait --timeout 10m`.",
    grammar=Grammar(
        value_flags=frozenset(_VALUE_FLAGS.split()),
        boolean_flags=frozenset(_BOOLEAN_FLAGS.split()),
        refused_flags=_REFUSED_FLAGS,
        global_flags=frozenset({"burst-limit", "color", "colour", "debug", "kube-context", "n", "namespace", "qps"}),
        verb_groups=frozenset({"get", *_LOCAL_GROUPS}),
        classes={verb: command_class for command_class, verbs in _CLASSES.items() for verb in verbs}
        | {f"{group} {verb}": CommandClass.LOCAL for group, verbs in _LOCAL_GROUPS.items() for verb in verbs},
        refused_verbs={"plugin": "plugins do not run in a worker; use helm's own verbs"},
        aliases=_ALIASES,
        standalone_under={
            "a": frozenset({"get values", "list"}),
            "d": frozenset({"list"}),
            "l": frozenset({"search repo"}),
            "server-side": frozenset({"install", "template"}),
            "u": frozenset({"package"}),
        },
        takes_glued_values=False,
        waiting_verbs=frozenset({"test"}),
        waiting_flags=frozenset({"atomic", "rollback-on-failure", "wait", "wait-for-jobs"}),
        namespace_flags=frozenset({"n", "namespace"}),
        context_flags=frozenset({"kube-context"}),
        local_flags=frozenset({"h", "help"}),
        exclusive_verbs={"install": 1, "rollback": 1, "test": 1, "uninstall": None, "upgrade": 1},
        inclusive_flags=frozenset({"dry-run", "g", "generate-name", "h", "help", "name-template"}),
        default_wait_s=300,
    ),
    version_arguments=("version", "--template={{.Version}}"),
    version_pattern=r"v?(\d\S*)",
    install_hint="get it from https://helm.sh/docs/intro/install/",
    environment={"HELM_NO_PLUGINS": "1"},
    failure_hints=_FAILURE_HINTS,
)
