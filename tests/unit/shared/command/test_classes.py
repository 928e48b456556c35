"""Which flags and kinds give a command another class than its verb's, in whatever spelling."""

import pytest

from shared.command import parser
from shared.command.invocation import Invocation
from shared.models import CommandClass
from shared.tools import registry
from shared.tools.class_rules import Effect

READ, WRITE, DESTRUCTIVE = CommandClass.READ, CommandClass.WRITE, CommandClass.DESTRUCTIVE
CREDENTIAL, LOCAL = CommandClass.CREDENTIAL, CommandClass.LOCAL
MASS, IRREVERSIBLE, CLUSTER = Effect.MASS, Effect.IRREVERSIBLE, Effect.CLUSTER_SCOPE


def parse(text: str) -> Invocation:
    return parser.parse(registry.find(text.split(maxsplit=1)[0]), text)


@pytest.mark.parametrize(
    ("text", "command_class"),
    [
        ("kubectl apply -f - --dry-run=server", READ),
        ("kubectl delete pod web --dry-run=client", READ),
        ("kubectl delete pod web --dry_run client", DESTRUCTIVE),
        ("kubectl delete --raw /api/v1/namespaces/shop --dry-run=client", DESTRUCTIVE),
        ("kubectl replace --raw /api/v1/namespaces/shop -f - --dry-run=server", WRITE),
        ("kubectl create --raw /api/v1/namespaces -f - --dry-run=client", WRITE),
        ("kubectl delete pod web --dry-run=none", DESTRUCTIVE),
        ("kubectl delete pod web --dry-run=client --dry-run=none", DESTRUCTIVE),
        ("kubectl delete pod web --dry-run", DESTRUCTIVE),
        ("kubectl get pods --dry-run=client", WRITE),
        ("kubectl get secrets", READ),
        ("kubectl get secrets -o wide", READ),
        ("kubectl get secret web -oname", READ),
        ("kubectl describe secret web", READ),
        ("kubectl get secret web -o yaml", READ),
        ("kubectl get secret/web -oJSON", READ),
        ("kubectl get -o kyaml Secrets.v1 web", READ),
        ("kubectl get secret web -o json --template={{.data}}", CREDENTIAL),
        ("kubectl get secret web -o json -v=7", CREDENTIAL),
        ("kubectl get secret web -o json --vmodule=round_trippers=9", CREDENTIAL),
        ("kubectl get secrets --sort-by=.data.a", CREDENTIAL),
        ("kubectl get secrets --sort-by='{.metadata.name}' -o yaml", READ),
        ("kubectl get secrets --sort-by=.metadata.annotations", CREDENTIAL),
        ("kubectl get pods,secrets -o jsonpath={.items}", CREDENTIAL),
        ("kubectl get pod/a secret/b -o=yaml", READ),
        ("kubectl get secret web --template={{.data}}", CREDENTIAL),
        ("kubectl get secrets -v=8", CREDENTIAL),
        ("kubectl get secrets -v=6", READ),
        ("kubectl label secret web a=b -o yaml", CREDENTIAL),
        ("kubectl label secret web a=b", WRITE),
        ("kubectl patch secret web -p {} -o json", CREDENTIAL),
        ("kubectl annotate secret/web a=b -oyaml", CREDENTIAL),
        ("kubectl annotate secret/web --list", CREDENTIAL),
        ("kubectl annotate secret web --list --dry-run=client", CREDENTIAL),
        ("kubectl annotate cm web --list", WRITE),
        ("kubectl label secret web --list", WRITE),
        ("""kubectl patch secret web --type=json -p '[{"op":"copy","from":"/data/a","path":"/type"}]'""", CREDENTIAL),
        ("""kubectl patch secret/web --type=JSON --dry-run=server -p '[{"op":"test","path":"/x"}]'""", CREDENTIAL),
        ("""kubectl patch secret web --type=json -p '[{"op":"add","op":"move"}]'""", CREDENTIAL),
        ("kubectl patch secret web --type json -p '[{op: copy}]'", CREDENTIAL),
        ("kubectl patch secret web --type json --patch-file=patch.json", CREDENTIAL),
        ("""kubectl patch secret web --type=json -p '[{"op":"replace","path":"/data/a","value":"Yg=="}]'""", WRITE),
        ("""kubectl patch cm web --type=json -p '[{"op":"copy","from":"/data/a","path":"/data/b"}]'""", WRITE),
        ("kubectl patch secret web --type=merge -p {}", WRITE),
        ("kubectl apply view-last-applied secret/web", READ),
        ("kubectl describe serviceaccount web -v=8", CREDENTIAL),
        ("kubectl set env deploy/web --list --resolve", CREDENTIAL),
        ("kubectl diff -f - --show-secrets", CREDENTIAL),
        ("kubectl diff -f -", READ),
        ("kubectl apply --prune -l a=b -f - --dry-run=server -o jsonpath={.data}", CREDENTIAL),
        ("kubectl create secret generic web --from-literal=a=b -o jsonpath={.data}", CREDENTIAL),
        ("kubectl wait secret/web --for=jsonpath={.data.a}=b", CREDENTIAL),
        ("kubectl create secret generic web --from-literal=a=b -o yaml --dry-run=client", READ),
        ("kubectl get pods -o yaml", READ),
        ("kubectl get sealedsecrets -o yaml", READ),
        ("kubectl get --raw /api/v1/namespaces/x/secrets", CREDENTIAL),
        ("kubectl get --raw /api/v1/namespaces/x/%73ecrets", CREDENTIAL),
        ("kubectl get --raw /api/v1/namespaces/x/services/y/proxy/", WRITE),
        ("kubectl get --raw /healthz", READ),
        ("kubectl config view", LOCAL),
        ("kubectl config view --raw", CREDENTIAL),
        ("kubectl config view --raw=false", LOCAL),
        ("kubectl replace --force -f -", DESTRUCTIVE),
        ("kubectl apply --prune -l a=b -f -", DESTRUCTIVE),
        ("helm upgrade web ./c --dry-run", READ),
        ("helm upgrade web ./c --dry-run=none", WRITE),
        ("helm uninstall web --dry-run=false", DESTRUCTIVE),
        ("helm upgrade web ./c --force", DESTRUCTIVE),
        ("helm template web ./c", LOCAL),
        ("helm template web ./c --validate", READ),
        ("kubectl taint nodes x a=b:NoSchedule", WRITE),
        ("kubectl taint nodes x a:NoExecute-", WRITE),
        ("kubectl taint nodes x a=b:NoExecute --dry-run=server", READ),
        ("istioctl manifest generate", LOCAL),
        ("istioctl manifest generate --cluster-specific", READ),
        ("istioctl tag generate x --revision y", READ),
        ("istioctl install -y --dry-run", READ),
        ("istioctl analyze --vklog=9", CREDENTIAL),
        ("helm get all web --template {{.Release.Config}}", CREDENTIAL),
        ("istioctl bug-report --full-secrets", CREDENTIAL),
        ("istioctl x workload entry configure", CREDENTIAL),
        ("argocd app sync web", WRITE),
        ("argocd app sync web --dry-run", READ),
        ("argocd app sync web --prune", DESTRUCTIVE),
        ("argocd app sync web --force", DESTRUCTIVE),
    ],
)
def test_class_follows_flags_and_kinds(text: str, command_class: CommandClass) -> None:
    assert parse(text).command_class is command_class


@pytest.mark.parametrize(
    ("text", "effects"),
    [
        ("kubectl delete pod web", set()),
        ("kubectl delete po/web svc/web", set()),
        ("kubectl delete pods --all", {MASS}),
        ("kubectl delete -n x --all=true pods", {MASS}),
        ("kubectl delete pods --all=false web", set()),
        ("kubectl delete pods -A -l a=b", {MASS}),
        ("kubectl delete pods -l '!nothing'", {MASS}),
        ("kubectl delete pods --field_selector=a!=b", {MASS}),
        ("kubectl delete ns x", {CLUSTER}),
        ("kubectl -n x delete ns/y", {CLUSTER}),
        ("kubectl delete Namespaces.v1. y", {CLUSTER}),
        ("kubectl delete pod/a namespace/b", {CLUSTER}),
        ("kubectl delete crd x", {CLUSTER}),
        ("kubectl delete widgets.example.com x", {CLUSTER}),
        ("kubectl delete vs x", set()),
        ("kubectl delete all web", {CLUSTER}),
        ("kubectl delete istio-io web", {CLUSTER}),
        ("kubectl delete --raw /api/v1/nodes/x", {CLUSTER}),
        ("kubectl delete -k .", {CLUSTER}),
        ("kubectl delete pvc x", {IRREVERSIBLE}),
        ("kubectl delete pv x", {IRREVERSIBLE, CLUSTER}),
        ("kubectl drain node", {CLUSTER}),
        ("kubectl taint nodes --all a=b:NoExecute", {CLUSTER}),
        ("kubectl apply --prune -l a=b -f -", {MASS}),
        ("helm uninstall web", set()),
        ("istioctl uninstall --revision x", set()),
        ("istioctl uninstall --purge -y", {CLUSTER}),
        ("istioctl waypoint delete --all", {MASS}),
        ("argocd app delete web -y", set()),
        ("argocd app delete -l a=b -y", {MASS}),
        ("argocd app delete-resource web --kind Pod --resource-name x", set()),
        ("argocd app delete-resource web --kind PersistentVolumeClaim --resource-name x", {IRREVERSIBLE}),
        ("argocd app delete-resource web --kind Namespace --resource-name x", {CLUSTER}),
        ("argocd app delete-resource web --kind Widget --resource-name x", {CLUSTER}),
        ("argocd appset delete web -y", {MASS}),
        ("argocd cluster rm x", {CLUSTER}),
    ],
)
def test_effects_of_what_deletes(text: str, effects: set[Effect]) -> None:
    invocation = parse(text)
    assert invocation.command_class is DESTRUCTIVE
    assert invocation.effects == effects


@pytest.mark.parametrize(
    ("text", "shown", "nearest"),
    [
        ("kubectl foo", "foo", None),
        ("kubectl gte pods", "gte", "get"),
        ("kubectl GET pods", "GET", None),
        ("kubectl rollout statu x", "rollout statu", "rollout status"),
        ("kubectl get pods --ouptut=json", "--ouptut", "--output"),
        ("kubectl get pods --dry-run=client", "--dry-run", None),
        ("kubectl get pods -x", "-x", None),
        ("helm get value x", "get value", "get values"),
    ],
)
def test_word_that_the_cli_does_not_have_is_named_with_the_nearest(text: str, shown: str, nearest: str | None) -> None:
    word = parse(text).unknown
    assert word is not None
    assert (word.shown, word.nearest) == (shown, nearest)


@pytest.mark.parametrize(
    "text",
    [
        "kubectl create -f -",
        "kubectl exec p -- ls /",
        "kubectl help get",
        "kubectl --help",
        "helm upgrade a b --atomic",
    ],
)
def test_what_the_cli_has_is_known(text: str) -> None:
    assert parse(text).unknown is None
