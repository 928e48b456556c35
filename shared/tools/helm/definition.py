"""Defines helm: what its verbs do, and which commands are refused."""

from shared.command.reading import Reading
from shared.models import CommandClass
from shared.tools import failure_hints, table, verb_lists
from shared.tools.class_rules import DRY_RUN, destroys, given, is_dry, reads, reveals
from shared.tools.helm import masked, waits
from shared.tools.tool import Grammar, IdentityFlags, Tool

_CLASSES = verb_lists.classes(
    {
        CommandClass.READ: {
            "": "history list status",
            "get": "all hooks manifest metadata notes values",
        },
        CommandClass.WRITE: {"": "install push rollback test upgrade"},
        CommandClass.DESTRUCTIVE: {"": "uninstall"},
        CommandClass.LOCAL: {
            "": "completion create dependency env help lint package pull registry repo search show template verify "
            "version",
            "completion": "bash fish powershell zsh",
            "dependency": "build list update",
            "plugin": "install list package uninstall update verify",
            "registry": "login logout",
            "repo": "add index list remove update",
            "search": "hub repo",
            "show": "all chart crds readme values",
        },
    }
)

_RULES = (
    reads("dry-run", "with `--dry-run` nothing is changed", is_dry, verbs="install, rollback, uninstall, upgrade"),
    reads(
        "rendering-on-the-cluster",
        "charts can look objects up, and the API server checks them",
        lambda reading: reading.text(DRY_RUN) == "server" or reading.has("validate"),
        verbs="template",
    ),
    reveals(
        "values-of-a-release",
        "with `--debug` it prints values and manifests, and perhaps values of Secrets; leave the flag out, "
        "and see `get all` of the release, where they are masked",
        masked.prints_values,
    ),
    destroys(
        "replacing",
        "objects are deleted and created again",
        given("force", "force-replace", "replace"),
        verbs="install, rollback, upgrade",
    ),
)
_OF_A_RELEASE = frozenset(
    {"history", "list", *(f"get {part}" for part in ("all", "hooks", "manifest", "metadata", "notes", "values"))}
)
_OF_ITS_OBJECTS = masked.WRITING_RELEASES | {"status"}


def _is_namespaced(reading: Reading) -> bool:
    """A release is in one namespace, and the command fails if it may not read it there."""
    return reading.path in _OF_A_RELEASE | _OF_ITS_OBJECTS


_CHART_VERBS = (
    *("create", "install", "lint", "package", "pull", "push", "repo add", "template", "upgrade", "verify"),
    *("dependency build", "dependency list", "dependency update", "repo index"),
    *(f"show {part}" for part in ("all", "chart", "crds", "readme", "values")),
)

_IDENTITY = "the kubeconfig of the request defines your identity and cluster; use its contexts (`--kube-context`)"
_SERVER = "the kubeconfig of the request names the server; choose another context with `--kube-context`"
_WORKER_FILE = "it names a file of the worker; leave it out"
_NO_EXECUTION = (
    "it runs a program in the worker; render with `template`, change the manifest, and apply it with kubectl"
)

_REFUSED_FLAGS = {
    "kube-apiserver": _SERVER,
    "kube-token": _IDENTITY,
    "kube-ca-file": "send the authority in the kubeconfig, as certificate-authority-data",
    "kube-insecure-skip-tls-verify": "set insecure-skip-tls-verify in the kubeconfig's cluster, if you need it",
    "kube-tls-server-name": "set tls-server-name in the kubeconfig's cluster",
    "kubeconfig": "send the kubeconfig in the header X-Kubeconfig or in the field `kubeconfig`",
    **dict.fromkeys(
        ("content-cache", "keyring", "registry-config", "repository-cache", "repository-config"), _WORKER_FILE
    ),
    **dict.fromkeys(("post-renderer", "post-renderer-args"), _NO_EXECUTION),
}

_NOT_REACHED = rf"[^\"\n]{{0,400}}\": [^\n]{{0,400}}({failure_hints.UNREACHABLE})"
"""Regular expression for the rest of a URL and the reason for which it was not reached."""

_FAILURE_HINTS = {
    r"cannot re-?use a name that is still in use": (
        "The release exists: `upgrade RELEASE CHART` changes it, and `upgrade --install RELEASE CHART` creates it or "
        "changes it. `history RELEASE` shows whether a command that was interrupted left it half-installed."
    ),
    r"another operation \(install/upgrade/rollback\) is in progress": (
        "The release exists, perhaps half-installed by a command that was interrupted: see `history RELEASE`. If it is "
        "pending, `rollback RELEASE REVISION` to the last deployed one, or `uninstall RELEASE` if there is none; then "
        "send the command again."
    ),
    rf"/(index\.yaml|[^\"\s]{{1,300}}\.t(ar\.)?gz){_NOT_REACHED}": (
        "The workers cannot reach the chart repository: check its URL from the network that they run in."
    ),
    rf"\"https?://[^/\"\s]{{1,300}}/(v2/|token){_NOT_REACHED}": (
        "The workers cannot reach the registry: check its address from the network that they run in."
    ),
    r"has no deployed releases": (
        "No release of that name was ever deployed: `upgrade --install` creates one. If `history RELEASE` shows a "
        "failed one, `uninstall RELEASE` first."
    ),
    r"cannot be imported into the current release": (
        "The object exists and is not part of this release: add `--take-ownership`, or delete the object first."
    ),
    r"nil pointer evaluating|error calling (required|include|fail)|failed parsing --set|values don't meet": (
        "The chart's values do not fit: `show values CHART` lists them; set them in `files` and with `-f`, or with "
        "`--set NAME=VALUE`."
    ),
    r"release: not found|release not found": (
        "The release does not exist in that namespace: `list -A` shows all releases."
    ),
    r"context deadline exceeded|timed out waiting for the condition|resource [^\n]{0,200} not ready": (
        "The objects were not ready in time: kubectl `get pods` and `events` of the namespace show why. The release is "
        "kept as failed: upgrade it, roll it back, or uninstall it."
    ),
    r"no cached repository for ": (
        "A repository of the chart's dependencies could not be read, and the output says why: check `repository` in "
        "Chart.yaml, or send the dependencies in the chart's folder `charts`."
    ),
    r"repo \S{1,300} not found|no repositories to show|no repo named": (
        "Repositories are not kept between commands: name the chart's repository with `--repo URL`, or use oci://."
    ),
    **failure_hints.CLUSTER,
}

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
    refused="Refused: plugins, post-renderers, and flags for other credentials or servers. Repositories are not kept: "
    "use `--repo URL` or oci://. Send values and charts in `files`. For a long install say `--wait --timeout 10m`.",
    grammar=Grammar(
        table=table.load("helm"),
        refused_flags=_REFUSED_FLAGS,
        classes=_CLASSES,
        class_rules=_RULES,
        is_namespaced=_is_namespaced,
        identity_flags=IdentityFlags("kube-as-user", "kube-as-group"),
        masking=masked.of,
        computes_from_live=masked.computes_from_live,
        file_operands=frozenset(_CHART_VERBS),
        fetched_schemes=frozenset({"http", "https", "oci"}),
        refused_verbs={"plugin": "plugins do not run in a worker; use helm's own verbs"},
        takes_glued_values=False,
        waiting_verbs=frozenset({"test"}),
        waiting_flags=frozenset({"atomic", "rollback-on-failure", "wait", "wait-for-jobs"}),
        namespace_flags=frozenset({"namespace"}),
        context_flags=frozenset({"kube-context"}),
        local_flags=frozenset({"help"}),
        exclusive_verbs={"install": 1, "rollback": 1, "test": 1, "uninstall": None, "upgrade": 1},
        inclusive_flags=frozenset({"dry-run", "generate-name", "help", "name-template"}),
        default_wait_s=300,
    ),
    version_arguments=("version", "--template={{.Version}}"),
    version_pattern=r"v?(\d\S*)",
    install_hint="get it from https://helm.sh/docs/intro/install/",
    environment={"HELM_NO_PLUGINS": "1"},
    failure_hints=_FAILURE_HINTS,
    awaited=waits.of,
)
