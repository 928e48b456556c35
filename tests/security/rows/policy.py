"""What only policy objects to: deletions and credentials, however they are spelled. `permissive` has no policy."""

import json
from collections.abc import Mapping

from tests.security.attack import Attack, End

DOOMED = "doomed"
"""A namespace that nobody misses: `permissive` deletes it."""
KEPT = "kept"
"""One with a Secret `canary` in it."""
_SOON = {"timeout": 5}
"""Seconds for what waits where policy lets it run."""


def manifest(kind: str, name: str, api: str = "v1") -> str:
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}}}\n"


_NAMESPACE = manifest("Namespace", DOOMED)
_PLAIN = manifest("ConfigMap", "x")
_LIST = json.dumps(
    {
        "apiVersion": "v1",
        "kind": "List",
        "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": DOOMED}}],
    }
)


def _denied(tool: str = "kubectl", late: End | None = None, **commands: str) -> tuple[Attack, ...]:
    return tuple(
        Attack(name.replace("_", "-"), text, tool, permissive=End.HARMLESS, late=late, below=None, fields=_SOON)
        for name, text in commands.items()
    )


def _denied_for(
    name: str, command: str, end: End = End.DENIED, *, stdin: str | None = None, files: Mapping[str, str] | None = None
) -> Attack:
    return Attack(
        name, command, strict=end, permissive=End.HARMLESS, below=None, fields=_SOON, stdin=stdin, files=files or {}
    )


ROWS = (
    *_denied(
        late=End.DENIED,
        namespace_behind_a_namespace="-n doomed delete ns doomed",
        namespace="delete ns doomed",
        namespace_with_a_slash="delete ns/doomed",
        namespace_in_full="delete namespaces doomed",
        namespace_of_a_version="delete namespaces.v1. doomed",
        namespace_behind_a_pod="delete pod/x ns/doomed",
        namespace_in_a_list="delete pods,ns doomed",
        namespace_in_quotes="del'ete' \"n\"s doomed",
        namespace_behind_tabs="delete\tns\tdoomed",
        namespace_behind_the_terminator="delete -- ns doomed",
        namespace_behind_flags="--namespace=doomed --request-timeout=5s delete --now ns doomed",
        namespace_without_waiting="delete --wait=false ns doomed",
    ),
    _denied_for("namespace-by-its-path", "delete --raw /api/v1/namespaces/doomed"),
    *_denied(
        all_before="--namespace=doomed delete --all pods",
        all_behind="delete pods --all -n doomed",
        all_spelled_out="delete -n doomed --all=true pods",
        all_in_capitals="delete -n doomed --all=TRUE pods",
        all_repeated="delete pods -n doomed --all=false --all",
        all_glued="delete pods -ndoomed --all",
        everywhere="delete pods -A --all",
        everywhere_by_name="delete pods --all-namespaces --field-selector=metadata.name=x",
        everywhere_underscore="delete pods --all_namespaces --all",
        selected="delete pods -n doomed -l app=x",
        selected_glued="delete pods -n doomed -lapp=x",
        selected_long="delete pods -n doomed --selector='app in (x)'",
        selected_negatively="delete pods -n doomed -l app!=x",
        selected_by_field="delete pods -n doomed --field-selector status.phase=Running",
    ),
    # The small API server has neither these kinds nor these objects, so that there is nothing to refuse.
    *_denied(
        late=End.FAILED,
        namespace_in_upper_case="delete NS doomed",
        node="delete node node-1",
        definition="delete crd x.example.com",
        claim="delete pvc data -n doomed",
        volume="delete pv data",
    ),
    *_denied(
        drain="drain node-1 --ignore-daemonsets --force",
        pruning="apply -n doomed -f - --prune --all",
        credential="create token default -n doomed",
        credential_behind_flags="-n doomed create token default",
    ),
    _denied_for("namespace-in-stdin", "delete -f -", stdin=_NAMESPACE),
    _denied_for("namespace-in-a-file", "delete -f a.yaml", files={"a.yaml": _NAMESPACE}),
    _denied_for("namespace-in-a-folder", "delete -Rf .", files={"a/b/c.yaml": _NAMESPACE}),
    _denied_for("namespace-in-a-second-document", "delete -f -", stdin=f"{_PLAIN}---\n{_NAMESPACE}"),
    _denied_for("namespace-in-a-list-of-objects", "delete -f -", stdin=_LIST),
    _denied_for("namespace-in-a-second-file", "delete -f a -f b", files={"a": _PLAIN, "b": _NAMESPACE}),
    _denied_for(
        "nothing-in-a-kustomization", "delete -k .", End.HARMLESS, files={"kustomization.yaml": "resources: []"}
    ),
    _denied_for("namespace-replaced", "replace --force -f -", stdin=_NAMESPACE),
    _denied_for("namespace-replaced-from-a-file", "replace -f a.yaml --force", files={"a.yaml": _NAMESPACE}),
    _denied_for("namespace-replaced-by-grace", "replace --force --grace-period=0 -f -", stdin=_NAMESPACE),
    _denied_for("claim-replaced", "replace --force -f -", End.FAILED, stdin=manifest("PersistentVolumeClaim", "data")),
    _denied_for(
        "kustomization-replaced",
        "replace --force -k .",
        files={"kustomization.yaml": "resources: [a.yaml]", "a.yaml": _NAMESPACE},
    ),
    *_denied("istioctl", everything="uninstall --purge -y", credential="create-remote-secret --name=x"),
    *_denied(
        "argocd",
        applications="app delete -l app=x -y",
        cluster="cluster rm in-cluster -y",
        credential="account generate-token",
    ),
)

SECRETS = tuple(
    Attack(name, command, strict=End.REFUSED_OR_HARMLESS, below=None, fields=_SOON)
    for name, command in {
        "yaml": "get secret canary -n kept -o yaml",
        "json": "get secret canary -n kept -o json",
        "with-a-slash": "get secret/canary -n kept -o yaml",
        "glued": "get secret/canary -nkept -oyaml",
        "upper-case": "get SECRETS canary -n kept -o yaml",
        "version": "get secrets.v1. canary -n kept -o yaml",
        "list": "get secrets -n kept -o json",
        "two-kinds": "get cm,secrets -n kept -o yaml",
        "two-names": "get cm/x secret/canary -n kept -o yaml --ignore-not-found",
        "everywhere": "get secrets -A -o yaml",
        "json-path": "get secret canary -n kept -o jsonpath='{.data}'",
        "json-path-of-all": "get secrets -A -o jsonpath='{..data}'",
        "template": "get secret canary -n kept -o go-template='{{.data.value}}'",
        "template-that-decodes": "get secret canary -n kept -o go-template='{{.data.value | base64decode}}'",
        "template-flag": "get secret canary -n kept -o go-template --template='{{.data}}'",
        "columns": "get secret canary -n kept -o custom-columns=V:.data.value",
        "path": "get --raw /api/v1/namespaces/kept/secrets/canary",
        "path-with-escapes": "get --raw /api/v1/namespaces/kept/%73ecrets/canary",
        "verbose": "get secret canary -n kept -v=9",
        "verbose-long": "get secret canary -n kept --v=10",
        "labelled": "label secret canary -n kept a=b --overwrite -o yaml",
        "annotated": "annotate secret canary -n kept a=b --overwrite -o json",
        "patched": """patch secret canary -n kept -p '{"metadata":{"labels":{"c":"d"}}}' -o yaml""",
        "waited-for": "wait secret/canary -n kept --for=jsonpath='{.data.value}'=x --timeout=1s",
        "sorted": "get secrets -n kept --sort-by=.data.value -o yaml",
        "watched": "get secrets -n kept -o yaml --watch-only",
        "filtered": "get secret canary -n kept -o json | jq -r .data.value",
    }.items()
)
"""The value of a Secret: not shown in `strict`, whether the command is refused or its output is masked."""

READ_ONLY = tuple(
    Attack(name, command, tool, stdin=stdin)
    for name, tool, command, stdin in (
        ("create", "kubectl", "create cm x -n doomed", None),
        ("create-behind-flags", "kubectl", "-n doomed create cm x", None),
        ("apply", "kubectl", "apply -f -", _PLAIN),
        ("delete", "kubectl", "delete pod x -n doomed", None),
        ("second-word", "kubectl", "rollout restart deploy/web", None),
        ("second-word-behind-flags", "kubectl", "auth -n doomed reconcile -f -", _PLAIN),
        ("second-word-of-apply", "kubectl", "apply set-last-applied -f - --create-annotation", _PLAIN),
        ("image", "kubectl", "set image deploy/web main=x", None),
        ("label", "kubectl", "label pod web-1 a=b", None),
        ("label-of-a-category", "kubectl", "label istio-io --all a=b", None),
        ("annotate", "kubectl", "annotate pod web-1 a=b", None),
        ("patch", "kubectl", "patch pod web-1 -p '{}'", None),
        ("scale", "kubectl", "scale deploy/web --replicas=0", None),
        ("exec", "kubectl", "exec web-1 -- ls", None),
        ("run", "kubectl", "run x --image=y", None),
        ("cordon", "kubectl", "cordon node-1", None),
        ("certificate", "kubectl", "certificate approve x", None),
        ("dry-run-off", "kubectl", "create cm x -n doomed --dry-run=none", None),
        ("dry-run-repeated", "kubectl", "create cm x -n doomed --dry-run=client --dry-run=none", None),
        ("dry-run-as-a-name", "kubectl", "create cm x -n doomed -- --dry-run=client", None),
        ("install", "helm", "install x ./chart", None),
        ("install-dry-off", "helm", "install x ./chart --dry-run=none", None),
        ("uninstall", "helm", "uninstall x", None),
        ("rollback", "helm", "rollback x 1", None),
        ("mesh", "istioctl", "install -y", None),
        ("sync", "argocd", "app sync x", None),
        ("unknown", "kubectl", "frobnicate x", None),
    )
)
"""What changes anything, for a gateway that is `read-only`."""

READS_BY_THEIR_WORDS = (
    Attack(
        "raw",
        "create --raw /api/v1/namespaces -f - --dry-run=client",
        strict=End.DENIED,
        stdin=_NAMESPACE,
    ),
)
"""What would change something although its words say that it is a read, for any gateway."""
