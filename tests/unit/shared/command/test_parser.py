from typing import Any

import pytest

from shared.command import parser
from shared.command.invocation import Invocation
from shared.errors import ErrorCode, RequestError
from shared.models import CommandClass, Lane
from shared.tools import registry


def parse(text: str, **fields: Any) -> Invocation:
    """Reads a command that names its tool."""
    return parser.parse(registry.find(text.split(maxsplit=1)[0]), text, **fields)


def refuse(text: str, **fields: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse(text, **fields)
    return caught.value


HONEST = {
    "set-selector": "kubectl get pods -l 'app in (a,b)'",
    "jsonpath": "kubectl get pods -o jsonpath='{.items[*].metadata.name}'",
    "custom-columns": "kubectl get pods -o custom-columns=N:.metadata.name",
    "glued-output": "kubectl get pods -ojson",
    "patch": """kubectl patch deploy x -p '{"spec":{"replicas":2}}'""",
    "patch-yaml-list": "kubectl patch deploy x --type json -p '- op: remove'",
    "label": 'kubectl label pod x note="a; b && c"',
    "annotate": "kubectl annotate pod x k='$HOME'",
    "annotate-with-a-device": "kubectl annotate pod x disk=/dev/sda",
    "set-image": "kubectl set image deploy/x c=repo/img:1@sha256:0123",
    "from-literal": "kubectl create cm x --from-literal='a=b|c'",
    "apply-stdin": "kubectl apply -f -",
    "apply-server-side": "kubectl apply --server-side -f manifest.yaml",
    "apply-file": "kubectl apply -f manifest.yaml",
    "diff": "kubectl diff -f -",
    "exec": "kubectl exec p -- ls /",
    "exec-flags-of-its-own": "kubectl exec p -c app -- env --kubeconfig=x -s y /proc/1",
    "logs": "kubectl logs p --tail=20",
    "logs-follow": "kubectl logs -f p --tail=-1",
    "logs-tail-all": "kubectl logs p --tail -1",
    "rollout": "kubectl rollout status deploy/x --timeout=60s",
    "subject": "kubectl create rolebinding x --role=r --user=bob",
    "helm-upgrade": "helm upgrade --install x oci://r.example/c --wait --timeout 10m -f values.yaml",
    "helm-template": "helm template x ./chart",
    "helm-repo-add": "helm repo add x https://charts.example --username u --password p",
    "helm-set-device": "helm upgrade x ./chart --set 'disks={/dev/sda,/dev/sdb}'",
    "istioctl": "istioctl analyze -n x",
    "argocd": "argocd app list",
    "argocd-core": "argocd --core app list",
    "pipeline": "kubectl get pods -o json | jq -r '.items[].metadata.name' | sort | head -5",
}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST.keys())
def test_honest_command_runs_as_it_was_written(text: str) -> None:
    invocation = parse(text)
    assert invocation.tool == text.split(maxsplit=1)[0]
    assert invocation.arguments


HOSTILE = {
    "kubeconfig": ("kubectl --kubeconfig=/root/.kube/config get secrets", ErrorCode.FLAG_REFUSED),
    "server": ("kubectl get pods --server=https://x", ErrorCode.FLAG_REFUSED),
    "server-short": ("kubectl get pods -s https://x", ErrorCode.FLAG_REFUSED),
    "server-short-glued": ("kubectl get pods -shttps://x", ErrorCode.FLAG_REFUSED),
    "server-short-equals": ("kubectl get pods -s=https://x", ErrorCode.FLAG_REFUSED),
    "server-in-a-cluster": ("kubectl get pods -As https://x", ErrorCode.FLAG_REFUSED),
    "server-behind-follow": ("kubectl logs -fs https://x p", ErrorCode.FLAG_REFUSED),
    "server-behind-a-letter-before-the-verb": ("kubectl -fshttps://x logs p", ErrorCode.FLAG_AMBIGUOUS),
    "token": ("kubectl get pods --token=x", ErrorCode.FLAG_REFUSED),
    "token-as-word": ("kubectl get pods --token x", ErrorCode.FLAG_REFUSED),
    "token-quoted": ("kubectl get pods --to'k'en=x", ErrorCode.FLAG_REFUSED),
    "token-as-a-value": ("kubectl get pods -l --token=x", ErrorCode.FLAG_REFUSED),
    "token-behind-unknown": ("kubectl get pods --what --token=x", ErrorCode.FLAG_REFUSED),
    "token-behind-false-terminator": ("kubectl get pods -l -- --token=x", ErrorCode.FLAG_AMBIGUOUS),
    "token-behind-unknown-terminator": ("kubectl get pods --what -- --token=x", ErrorCode.FLAG_AMBIGUOUS),
    "as": ("kubectl get pods --as=admin", ErrorCode.FLAG_REFUSED),
    "as-group": ("kubectl get pods --as-group=system:masters", ErrorCode.FLAG_REFUSED),
    "as-with-underscore": ("kubectl get pods --as_group=system:masters", ErrorCode.FLAG_REFUSED),
    "cache-dir": ("kubectl get pods --cache-dir=/etc", ErrorCode.FLAG_REFUSED),
    "profile": ("kubectl get pods --profile=cpu --profile-output=/x", ErrorCode.FLAG_REFUSED),
    "user": ("kubectl get pods --user=admin", ErrorCode.FLAG_REFUSED),
    "user-before-the-verb": ("kubectl --user=admin create rolebinding x", ErrorCode.FLAG_REFUSED),
    "cluster": ("kubectl get pods --cluster=x", ErrorCode.FLAG_REFUSED),
    "tls": ("kubectl get pods --insecure-skip-tls-verify", ErrorCode.FLAG_REFUSED),
    "proxy-url": ("kubectl get pods --proxy-url=http://x", ErrorCode.FLAG_REFUSED),
    "cp": ("kubectl cp x:/a /b", ErrorCode.COMMAND_REFUSED),
    "plugin": ("kubectl plugin list", ErrorCode.COMMAND_REFUSED),
    "edit": ("kubectl edit cm/x", ErrorCode.COMMAND_REFUSED),
    "edit-behind-flags": ("kubectl -n x edit cm/x", ErrorCode.COMMAND_REFUSED),
    "edit-last-applied": ("kubectl apply edit-last-applied cm/x", ErrorCode.COMMAND_REFUSED),
    "exec-terminal": ("kubectl exec -it p -- sh", ErrorCode.FLAG_REFUSED),
    "exec-terminal-words": ("kubectl exec -i -t p -- sh", ErrorCode.FLAG_REFUSED),
    "attach": ("kubectl attach p", ErrorCode.COMMAND_REFUSED),
    "port-forward": ("kubectl port-forward p 80", ErrorCode.COMMAND_REFUSED),
    "proxy": ("kubectl proxy", ErrorCode.COMMAND_REFUSED),
    "debug": ("kubectl debug p", ErrorCode.COMMAND_REFUSED),
    "config-set": ("kubectl config set-cluster x --server=y", ErrorCode.FLAG_REFUSED),
    "config-use": ("kubectl config use x", ErrorCode.COMMAND_REFUSED),
    "cluster-before-the-verb": ("kubectl -Aw get pods", ErrorCode.FLAG_AMBIGUOUS),
    "cluster-with-a-terminal": ("kubectl exec -it p -- sh", ErrorCode.FLAG_REFUSED),
    "verb-swallowed-by-a-flag": ("kubectl -A get delete pods", ErrorCode.FLAG_AMBIGUOUS),
    "unknown-flag-before-the-verb": ("kubectl --what get delete pods", ErrorCode.FLAG_AMBIGUOUS),
    "flag-inside-the-verb": ("kubectl create -o json token x", ErrorCode.FLAG_AMBIGUOUS),
    "dash-before-the-verb": ("kubectl - delete pods x", ErrorCode.FLAG_AMBIGUOUS),
    "number-before-the-verb": ("kubectl -1 get delete pods", ErrorCode.FLAG_AMBIGUOUS),
    "dash-inside-the-verb": ("kubectl create - token x", ErrorCode.FLAG_AMBIGUOUS),
    "terminator-before-the-verb": ("kubectl -- get pods", ErrorCode.FLAG_AMBIGUOUS),
    "proc": ("kubectl apply -f /proc/self/environ", ErrorCode.COMMAND_REFUSED),
    "proc-behind-the-terminator": ("helm template x -- /proc/1/environ", ErrorCode.COMMAND_REFUSED),
    "proc-glued": ("kubectl apply -f/proc/self/environ", ErrorCode.COMMAND_REFUSED),
    "proc-in-a-list": ("kubectl apply -f a.yaml,/proc/1/environ", ErrorCode.COMMAND_REFUSED),
    "proc-disguised": ("kubectl apply -f //./tmp/..//proc/1/environ", ErrorCode.COMMAND_REFUSED),
    "proc-from-below": ("kubectl apply -f ../../../../proc/1/environ", ErrorCode.COMMAND_REFUSED),
    "proc-under-a-key": ("kubectl create cm x --from-file=k=/proc/1/environ", ErrorCode.COMMAND_REFUSED),
    "proc-in-a-template": ("kubectl get po -o go-template-file=/proc/1/environ", ErrorCode.COMMAND_REFUSED),
    "dev": ("kubectl kustomize /dev/fd/3", ErrorCode.COMMAND_REFUSED),
    "pipe-into-a-shell": ("kubectl get pods | sh", ErrorCode.COMMAND_PIPELINE),
    "pipe-into-a-refused-flag": ("kubectl get pods | sort -o /x", ErrorCode.FLAG_REFUSED),
    "flag-refused-before-a-pipe": ("kubectl get pods --token=x | head", ErrorCode.FLAG_REFUSED),
    "shell-behind-a-terminator": ("kubectl exec p -- ls | sh", ErrorCode.COMMAND_PIPELINE),
    "post-renderer": ("helm install x y --post-renderer ./z", ErrorCode.FLAG_REFUSED),
    "helm-plugin": ("helm plugin install https://x", ErrorCode.COMMAND_REFUSED),
    "helm-token": ("helm list --kube-token x", ErrorCode.FLAG_REFUSED),
    "helm-api-server": ("helm --kube-apiserver=https://x list", ErrorCode.FLAG_REFUSED),
    "helm-as": ("helm list --kube-as-user=admin", ErrorCode.FLAG_REFUSED),
    "helm-registry-config": ("helm pull oci://x --registry-config=/x", ErrorCode.FLAG_REFUSED),
    "helm-namespace-that-is-read-twice": ("helm template x ./chart -fnprod", ErrorCode.FLAG_AMBIGUOUS),
    "istioctl-dashboard": ("istioctl dashboard kiali", ErrorCode.COMMAND_REFUSED),
    "istioctl-dashboard-alias": ("istioctl d kiali", ErrorCode.COMMAND_REFUSED),
    "istioctl-kubeconfig": ("istioctl ps -c /x", ErrorCode.FLAG_REFUSED),
    "istioctl-log-target": ("istioctl ps --log_target=/x", ErrorCode.FLAG_REFUSED),
    "argocd-login": ("argocd login --core", ErrorCode.COMMAND_REFUSED),
    "argocd-admin": ("argocd admin initial-password", ErrorCode.COMMAND_REFUSED),
    "argocd-local": ("argocd app sync x --local /", ErrorCode.FLAG_REFUSED),
    "argocd-server": ("argocd app list --server x", ErrorCode.FLAG_REFUSED),
    "argocd-token": ("argocd app list --auth-token=x", ErrorCode.FLAG_REFUSED),
}


@pytest.mark.parametrize(("text", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_command_is_refused_with_what_to_do(text: str, code: ErrorCode) -> None:
    error = refuse(text)
    assert error.code is code
    assert len(error.detail) > len(text) // 2
    assert "root/.kube" not in error.detail


CLASSES = {
    "get": ("kubectl get pods", CommandClass.READ),
    "delete": ("kubectl -n x delete ns y", CommandClass.DESTRUCTIVE),
    "delete-behind-namespace": ("kubectl --namespace=x delete --all pods", CommandClass.DESTRUCTIVE),
    "delete-behind-empty-word": ("kubectl '' delete pods x", CommandClass.DESTRUCTIVE),
    "drain": ("kubectl drain node1", CommandClass.DESTRUCTIVE),
    "can-i": ("kubectl auth can-i get pods", CommandClass.READ),
    "reconcile": ("kubectl auth reconcile -f -", CommandClass.WRITE),
    "reconcile-behind-namespace": ("kubectl auth -n x reconcile -f -", CommandClass.WRITE),
    "rollout-status": ("kubectl rollout status deploy/x", CommandClass.READ),
    "rollout-undo": ("kubectl rollout undo deploy/x", CommandClass.WRITE),
    "token": ("kubectl create token x", CommandClass.CREDENTIAL),
    "secret": ("kubectl create secret generic x", CommandClass.WRITE),
    "view": ("kubectl config view", CommandClass.LOCAL),
    "view-last-applied": ("kubectl apply view-last-applied deploy/x", CommandClass.READ),
    "unknown": ("kubectl foo", CommandClass.WRITE),
    "unknown-below-a-group": ("kubectl rollout foo", CommandClass.WRITE),
    "upper-case": ("kubectl GET pods", CommandClass.WRITE),
    "version-client": ("kubectl version --client", CommandClass.LOCAL),
    "version-client-first": ("kubectl --client=true version", CommandClass.LOCAL),
    "version-client-off": ("kubectl version --client=false", CommandClass.READ),
    "delete-help": ("kubectl delete --help", CommandClass.DESTRUCTIVE),
    "no-verb": ("kubectl --help", CommandClass.LOCAL),
    "cluster-of-letters": ("kubectl get pods -Aw", CommandClass.READ),
    "unknown-flag": ("kubectl get pods --what", CommandClass.WRITE),
    "helm-ls": ("helm ls", CommandClass.READ),
    "helm-get": ("helm get values x", CommandClass.READ),
    "helm-delete": ("helm delete x", CommandClass.DESTRUCTIVE),
    "helm-un": ("helm un x", CommandClass.DESTRUCTIVE),
    "helm-upgrade": ("helm upgrade x y", CommandClass.WRITE),
    "helm-inspect": ("helm inspect values x", CommandClass.LOCAL),
    "helm-dependency": ("helm dep up", CommandClass.LOCAL),
    "istioctl-alias-chain": ("istioctl x des po p", CommandClass.READ),
    "istioctl-uninstall": ("istioctl uninstall --purge", CommandClass.DESTRUCTIVE),
    "istioctl-version-local": ("istioctl version --remote=false", CommandClass.LOCAL),
    "argocd-delete": ("argocd app delete x", CommandClass.DESTRUCTIVE),
    "argocd-actions": ("argocd app actions list x", CommandClass.READ),
    "argocd-generate-token": ("argocd account generate-token", CommandClass.CREDENTIAL),
}


@pytest.mark.parametrize(("text", "command_class"), CLASSES.values(), ids=CLASSES.keys())
def test_class_follows_the_verb(text: str, command_class: CommandClass) -> None:
    invocation = parse(text)
    assert invocation.command_class is command_class
    if command_class is CommandClass.LOCAL:
        assert not invocation.needs_cluster


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        pytest.param("helm ls", ("list",), id="alias"),
        pytest.param("istioctl pc routes x", ("proxy-config", "route"), id="alias-below-an-alias"),
        pytest.param("kubectl create -f x.yaml", ("create",), id="group-with-a-meaning-of-its-own"),
        pytest.param("kubectl create cm x", ("create", "configmap"), id="alias-below-a-group"),
        pytest.param("kubectl get get", ("get",), id="operand-named-as-the-verb"),
        pytest.param("kubectl --help", ("help",), id="none"),
    ],
)
def test_verb_is_the_canonical_path(text: str, verb: tuple[str, ...]) -> None:
    assert parse(text).verb == verb


@pytest.mark.parametrize(
    ("text", "lane"),
    [
        pytest.param("kubectl get pods", Lane.FAST, id="read"),
        pytest.param("kubectl version --client", Lane.FAST, id="local"),
        pytest.param("kubectl get pods -w", Lane.SLOW, id="watch"),
        pytest.param("kubectl get pods --watch=true", Lane.SLOW, id="watch-equals"),
        pytest.param("kubectl get pods --watch=false", Lane.FAST, id="watch-off"),
        pytest.param("kubectl get -f x.yaml", Lane.FAST, id="file"),
        pytest.param("kubectl logs -f p", Lane.SLOW, id="follow"),
        pytest.param("kubectl logs p", Lane.FAST, id="logs"),
        pytest.param("kubectl rollout status deploy/x", Lane.SLOW, id="rollout-status"),
        pytest.param("kubectl wait --for=delete pod/x", Lane.SLOW, id="wait"),
        pytest.param("kubectl apply -f -", Lane.SLOW, id="write"),
        pytest.param("argocd app wait x", Lane.SLOW, id="argocd-wait"),
    ],
)
def test_only_reads_that_do_not_wait_are_fast(text: str, lane: Lane) -> None:
    assert parse(text).lane is lane


@pytest.mark.parametrize(
    ("text", "timeout_s"),
    [
        pytest.param("helm upgrade x y --wait --timeout 10m", 600, id="go-duration"),
        pytest.param("helm upgrade x y --wait --timeout=1h5m3.5s", 3903.5, id="compound"),
        pytest.param("helm upgrade x y --timeout 300ms", 0.3, id="milliseconds"),
        pytest.param("argocd app sync x --timeout 90", 90, id="seconds"),
        pytest.param("helm upgrade x y --timeout 1m --timeout 2m", 120, id="last-one-counts"),
        pytest.param("helm upgrade x y --wait", 300, id="default-of-helm"),
        pytest.param("helm upgrade x y --wait=false", None, id="no-wait"),
        pytest.param("helm test x", 300, id="verb-that-waits"),
        pytest.param("helm upgrade x y", None, id="none"),
        pytest.param("kubectl wait --timeout=0 pod/x", None, id="zero"),
        pytest.param("kubectl wait --timeout=-1s pod/x", None, id="negative"),
        pytest.param("kubectl wait --timeout=9999h pod/x", 9999 * 3600, id="very-long"),
    ],
)
def test_own_timeout_is_what_the_command_may_wait(text: str, timeout_s: float | None) -> None:
    assert parse(text).own_timeout_s == (pytest.approx(timeout_s) if timeout_s is not None else None)


@pytest.mark.parametrize(
    ("text", "is_endless"),
    [
        ("kubectl get pods -w", True),
        ("kubectl get pods --watch", True),
        ("kubectl get pods --watch-only -n shop", True),
        ("kubectl logs -f web", True),
        ("kubectl logs --follow=true web", True),
        ("kubectl events --watch", True),
        ("argocd app logs web -f", True),
        ("kubectl get pods", False),
        ("kubectl get pods --watch=false", False),
        ("kubectl apply -f x.yaml", False),
        ("kubectl rollout status deploy/web -w", False),
        ("kubectl wait --for=condition=Ready pod/web", False),
        ("helm install web ./web --wait", False),
    ],
)
def test_command_that_only_its_time_limit_ends_is_known(text: str, *, is_endless: bool) -> None:
    assert parse(text).is_endless is is_endless


def test_tool_name_is_dropped_once() -> None:
    assert parse("kubectl kubectl").arguments == ("kubectl",)


def test_tool_name_alone_is_an_empty_command() -> None:
    assert refuse("kubectl").code is ErrorCode.COMMAND_EMPTY


def test_namespace_field_becomes_the_first_argument() -> None:
    assert parse("kubectl get pods", namespace="x").arguments == ("--namespace=x", "get", "pods")


@pytest.mark.parametrize(
    "spelling",
    ["-n x", "-nx", "-n=x", "--namespace x", "--namespace=x", "-n x --namespace=x"],
)
def test_namespace_in_the_command_is_left_where_it_is(spelling: str) -> None:
    text = f"kubectl get pods {spelling}"
    assert parse(text, namespace="x").arguments == tuple(text.split()[1:])
    assert parse(text, default_namespace="y").arguments == tuple(text.split()[1:])
    assert refuse(text, namespace="y").code is ErrorCode.NAMESPACE_CONFLICT


def test_two_namespaces_in_one_command_are_refused() -> None:
    assert refuse("kubectl get pods -n x --namespace=y").code is ErrorCode.NAMESPACE_CONFLICT


def test_namespace_after_the_terminator_is_the_programs_own() -> None:
    arguments = parse("kubectl exec p -- env -n y", namespace="x").arguments
    assert arguments == ("--namespace=x", "exec", "p", "--", "env", "-n", "y")


def test_default_namespace_gives_way_to_the_field() -> None:
    assert parse("kubectl get pods", namespace="x", default_namespace="y").arguments[0] == "--namespace=x"
    assert parse("kubectl get pods", default_namespace="y").arguments[0] == "--namespace=y"


def test_tool_without_the_flag_gets_no_namespace() -> None:
    assert parse("argocd app list", namespace="x", default_namespace="y").arguments == ("app", "list")


def test_all_namespaces_are_left_alone() -> None:
    assert parse("kubectl get pods -A", namespace="x").arguments == ("--namespace=x", "get", "pods", "-A")


@pytest.mark.parametrize(
    ("text", "field", "context"),
    [
        pytest.param("kubectl get pods", None, None, id="none"),
        pytest.param("kubectl get pods", "a", "a", id="field"),
        pytest.param("kubectl --context=a get pods", None, "a", id="flag"),
        pytest.param("kubectl --context a get pods", "a", "a", id="both"),
        pytest.param("helm --kube-context a list", None, "a", id="helm"),
    ],
)
def test_context_comes_from_field_or_flag(text: str, field: str | None, context: str | None) -> None:
    assert parse(text, context=field).context == context


def test_two_contexts_are_refused() -> None:
    assert refuse("kubectl get pods --context=a", context="b").code is ErrorCode.CONTEXT_CONFLICT
    assert refuse("kubectl get pods --context=a --context=b").code is ErrorCode.CONTEXT_CONFLICT
