"""Objects of which common charts consist, as templates of helm: each a manifest with the release's name in it."""

from collections.abc import Mapping, Sequence
from typing import Any

Template = dict[str, Any]

RELEASE = "{{ .Release.Name }}"
NAMESPACE = "{{ .Release.Namespace }}"
REPLICAS = "{{ .Values.replicas }}"
IMAGE = "registry.example/{{ .Chart.Name }}:1"
KEPT = {"helm.sh/resource-policy": "keep"}
_RBAC = "rbac.authorization.k8s.io"
_CONFIGURATIONS = "admissionregistration.k8s.io/v1"


def make(
    api_version: str, kind: str, name: str = RELEASE, *, annotations: Mapping[str, str] = {}, **fields: Any
) -> Template:
    """Any object. Its labels are those by which the selectors of the others find it."""
    metadata = {"name": name, "labels": {"app": RELEASE}, "annotations": dict(annotations)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def hook(template: Template, *events: str, weight: int = 0) -> Template:
    """The object as a hook that goes when it is done, and before it is made anew."""
    annotations = {
        "helm.sh/hook": ",".join(events),
        "helm.sh/hook-weight": str(weight),
        "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
    }
    metadata = template["metadata"]
    return {**template, "metadata": {**metadata, "annotations": {**metadata["annotations"], **annotations}}}


def elsewhere(template: Template, namespace: str) -> Template:
    """The object in that namespace."""
    return {**template, "metadata": {**template["metadata"], "namespace": namespace}}


def account(name: str = RELEASE) -> Template:
    return make("v1", "ServiceAccount", name)


def config(name: str = RELEASE) -> Template:
    return make("v1", "ConfigMap", name, data={"settings": f"replicas {REPLICAS}"})


def secret(name: str = RELEASE) -> Template:
    return make("v1", "Secret", name, stringData={"token": "{{ randAlphaNum 16 }}"})


def service(name: str = RELEASE, *, port: int = 80, is_headless: bool = False) -> Template:
    spec = {"selector": {"app": RELEASE}, "ports": [{"name": "main", "port": port}]}
    return make("v1", "Service", name, spec={**spec, **({"clusterIP": "None"} if is_headless else {})})


def deployment(name: str = RELEASE) -> Template:
    return make("apps/v1", "Deployment", name, spec=_workload(name))


def daemon_set(name: str = RELEASE) -> Template:
    spec = {key: value for key, value in _workload(name).items() if key != "replicas"}
    return make("apps/v1", "DaemonSet", name, spec=spec)


def stateful_set(name: str = RELEASE) -> Template:
    """With a volume for each pod."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    volumes = {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}]}
    return make("apps/v1", "StatefulSet", name, spec={**_workload(name), "serviceName": RELEASE, **volumes})


def disruption_budget() -> Template:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": RELEASE}}}
    return make("policy/v1", "PodDisruptionBudget", spec=spec)


def network_policy() -> Template:
    spec = {"podSelector": {"matchLabels": {"app": RELEASE}}, "policyTypes": ["Ingress"], "ingress": [{}]}
    return make("networking.k8s.io/v1", "NetworkPolicy", spec=spec)


def role(name: str = RELEASE, *, resources: Sequence[str] = ("configmaps", "secrets")) -> list[Template]:
    """A Role and its binding to the release's account."""
    return _role("Role", name, [{"apiGroups": [""], "resources": list(resources), "verbs": ["get", "list", "update"]}])


def lease_role(namespace: str) -> list[Template]:
    """A role for the election of a leader, in a namespace that may be another than the release's."""
    rules = [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]}]
    return [elsewhere(each, namespace) for each in _role("Role", f"{RELEASE}-leader", rules)]


def cluster_role(name: str = RELEASE, *, resources: Sequence[str] = ("nodes", "pods")) -> list[Template]:
    """A ClusterRole and its binding to the release's account."""
    return _role("ClusterRole", name, [{"apiGroups": [""], "resources": list(resources), "verbs": ["get", "list"]}])


def webhook(kind: str, *, resource: str) -> Template:
    """A configuration of admission, which chooses objects that no test makes."""
    each = {
        "name": f"{RELEASE}.example.com",
        "clientConfig": {"service": {"name": RELEASE, "namespace": NAMESPACE, "path": "/admit"}},
        "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [resource]}],
        "objectSelector": {"matchLabels": {"admitted-by": RELEASE}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return make(_CONFIGURATIONS, f"{kind}WebhookConfiguration", webhooks=[each])


def certificate_jobs() -> list[Template]:
    """Hooks that make a webhook's certificate before an installation, and put it into the webhook after it."""
    name = f"{RELEASE}-admission"
    before, after = ("pre-install", "pre-upgrade"), ("post-install", "post-upgrade")
    rights = [account(name), *role(name), *cluster_role(name)]
    made = [hook(each, *before, *after) for each in rights]
    return [*made, hook(job(f"{name}-create"), *before, weight=1), hook(job(f"{name}-patch"), *after, weight=1)]


def job(name: str) -> Template:
    pod = {"containers": [{"name": "main", "image": IMAGE}], "restartPolicy": "OnFailure"}
    return make("batch/v1", "Job", name, spec={"template": {"spec": pod}})


def api_service(group: str, version: str) -> Template:
    spec = {
        "group": group,
        "version": version,
        "service": {"name": RELEASE, "namespace": NAMESPACE},
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
    }
    return make("apiregistration.k8s.io/v1", "APIService", f"{version}.{group}", spec=spec)


def definition(kind: str, group: str, *, is_kept: bool = False) -> Template:
    """A CustomResourceDefinition. One that is kept stays when its release goes."""
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    name = f"{plural}.{group}"
    made = make("apiextensions.k8s.io/v1", "CustomResourceDefinition", name, annotations=KEPT if is_kept else {})
    made["metadata"].pop("labels")
    return {**made, "spec": spec}


def _workload(name: str) -> dict[str, Any]:
    labels = {"app": RELEASE, "part": name}
    pod = {"containers": [{"name": "main", "image": IMAGE}]}
    return {
        "replicas": REPLICAS,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def _role(kind: str, name: str, rules: list[dict[str, Any]]) -> list[Template]:
    subject = {"kind": "ServiceAccount", "name": RELEASE, "namespace": NAMESPACE}
    reference = {"apiGroup": _RBAC, "kind": kind, "name": name}
    binding = make(f"{_RBAC}/v1", f"{kind}Binding", name, roleRef=reference, subjects=[subject])
    return [make(f"{_RBAC}/v1", kind, name, rules=rules), binding]
