import re

import pytest

from shared.command import parser
from shared.errors import ErrorCode, RequestError
from shared.tools import registry


def parse(text: str) -> None:
    parser.parse(registry.find(text.split(maxsplit=1)[0]), text)


@pytest.mark.parametrize(
    "text",
    [
        "kubectl apply -f /etc/passwd",
        "kubectl apply -f/etc/passwd",
        "kubectl apply --filename=a.yaml,/etc/passwd",
        "kubectl apply -f ../x.yaml",
        "kubectl apply -f a/../../x.yaml",
        "kubectl apply -f http://169.254.169.254/x",
        "kubectl apply -f HTTPS://example.com/x",
        "kubectl apply -Rf /etc",
        "kubectl apply -k /etc",
        "kubectl apply -k https://example.com/x",
        "kubectl kustomize /etc",
        "kubectl kustomize https://example.com/x",
        "kubectl create secret generic x --from-file=/var/run/secrets/kubernetes.io/serviceaccount/token",
        "kubectl create secret generic x --from-file=k=/etc/shadow",
        "kubectl create cm x --from-env-file /etc/environment",
        "kubectl create secret tls x --cert=/etc/a --key b",
        "kubectl patch cm x --patch-file=/etc/passwd",
        "kubectl get pods -o go-template-file=/etc/passwd",
        "kubectl get pods -o=jsonpath-file=/etc/passwd",
        "kubectl get pods -ocustom-columns-file=/etc/passwd",
        "kubectl get pods -o go-template-file --template=/etc/passwd",
        "kubectl cluster-info dump --output-directory=/tmp",
        "helm template . --set-file k=/etc/shadow",
        "helm upgrade x ./c --values a.yaml,/etc/passwd",
        "helm upgrade x ./c -f file:///etc/passwd",
        "helm install x /etc/chart",
        "helm install x file:///etc/chart",
        "helm template x -- /etc/chart",
        "helm pull oci://x/y -d /",
        "istioctl install -f /x",
        "istioctl analyze /etc/passwd",
        "istioctl manifest generate -d /etc",
        "argocd app create -f /etc/passwd",
        "argocd appset create /etc/passwd",
        "argocd appset create https://example.com/x.yaml",
        "argocd repo add x --ssh-private-key-path /etc/shadow",
        "argocd gpg add -f /etc/shadow",
        pytest.param("kubectl create cm x --from-file='\"/proc/self/fd/3\"'", id="kubectl-quoted-in-csv"),
        pytest.param("kubectl create cm x --from-file='\"k=/proc/self/fd/3\"'", id="kubectl-key-quoted-in-csv"),
        pytest.param("kubectl create cm x --from-env-file='a,\"/etc/environment\"'", id="kubectl-second-in-csv"),
        pytest.param("kubectl apply -f '\"/etc/hosts\"'", id="kubectl-manifest-quoted-in-csv"),
        pytest.param("kubectl apply -f '\"http://169.254.169.254/x\"'", id="kubectl-url-quoted-in-csv"),
        pytest.param("helm template x ./c --set-file 'a=\\/etc/shadow'", id="helm-escaped-path"),
        pytest.param("helm template x ./c --set-file 'a=http:\\/\\/host/x'", id="helm-escaped-url"),
        pytest.param("helm template x ./c --set-file 'a={b.txt,\\/etc/shadow}'", id="helm-path-in-a-list"),
        pytest.param("helm template x ./c --set-file 'a=b.txt,c[0].d=/etc/shadow'", id="helm-path-behind-another"),
        pytest.param("helm template x ./c -f '\"/etc/passwd\"'", id="helm-values-quoted-in-csv"),
        pytest.param("istioctl kube-inject -f a.yaml -o /etc/x", id="istioctl-file-that-is-written"),
    ],
)
def test_file_that_is_none_of_the_jobs_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(text)
    assert refused.value.code is ErrorCode.COMMAND_REFUSED
    assert not {"etc", "proc", "169"} & set(refused.value.detail.replace("/", " ").split())
    assert re.search(r"`--[a-z_-]+`|An operand|Paths under", refused.value.detail, re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    [
        "kubectl apply -f -",
        "kubectl apply -f manifest.yaml -f more/",
        "kubectl apply -k .",
        "kubectl logs -f web",
        "kubectl create cm x --from-file=key=a.txt --from-literal=path=/etc/x",
        "kubectl get pods -o go-template={{.a}} --sort-by=/x",
        "kubectl get pods -o jsonpath='{.items[*].spec.containers[*].volumeMounts[*].mountPath}'",
        "kubectl exec web -- cat /etc/passwd",
        "kubectl get --raw /healthz",
        'kubectl patch cm x --type=json -p \'[{"op":"remove","path":"/data/a"}]\'',
        "helm upgrade x oci://example.com/c -f values.yaml --set path=/etc/x",
        "helm install x https://example.com/c.tgz",
        "helm template x ./chart",
        "istioctl analyze a.yaml",
        "argocd app create web --path /apps --values /values.yaml",
        "helm install x ./c --set logs.access.filePath=/dev/stdout",
        "helm install x ./c --set-string 'files={/dev/sda,/proc/1}' --set-literal profile=/etc/x",
        "kubectl create cm x --from-file='\"a,b.txt\",key=c.txt'",
        "helm template x ./c --set-file 'a=b\\,c.txt'",
    ],
)
def test_files_of_the_job_and_what_is_no_file_are_taken(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("kubectl create cm x --from-file==a", "--from-file"),
        ("kubectl create cm x --from-file=a=b=c", "--from-file"),
        ("kubectl apply -f 'a\"b'", "--filename"),
        ("kubectl scale deploy/x --replicas=many", "--replicas"),
        ("kubectl get pods --watch=perhaps", "--watch"),
        ("kubectl get pods --all-namespaces=maybe", "--all-namespaces"),
        ("kubectl delete pod x --timeout=soon", "--timeout"),
        ("helm upgrade x ./c --labels a", "--labels"),
        ("helm template x ./c --set 'a[x]=b'", "--set"),
        ("helm template x ./c --set-json a=nul", "--set-json"),
        ("kubectl kustomize . --load-restrictor=LoadRestrictionsNone", "--load-restrictor"),
    ],
)
def test_value_that_the_cli_would_not_take_is_refused_with_its_flag(text: str, flag: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(text)
    assert refused.value.code is ErrorCode.FLAG_REFUSED
    assert f"`{flag}`" in refused.value.detail
