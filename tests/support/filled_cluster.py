"""Objects of an API server without controllers, which generated commands name, and the files that they bring along."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.e2e import manifests
from tests.support.control_plane import ControlPlane

CORE = "/api/v1/namespaces/default"
APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
_ARGO_CD = "argoproj.io/v1alpha1"
_LABELS = {"app": "web"}
_POD_SPEC = {"containers": [{"name": "main", "image": "registry.example/web:1"}]}
_TEMPLATE = {"metadata": {"labels": _LABELS}, "spec": _POD_SPEC}
_WORKLOAD = {"replicas": 1, "selector": {"matchLabels": _LABELS}, "template": _TEMPLATE}
_RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
_HOOK = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-hook
  annotations:
    helm.sh/hook: pre-install,pre-upgrade,pre-rollback
    helm.sh/hook-delete-policy: before-hook-creation
"""


def fill(cluster: ControlPlane) -> None:
    """Creates what is not there."""
    for path, body in _objects():
        cluster.api.create(path, body)


def files() -> dict[str, str]:
    """What each command has in its working directory."""
    chart = manifests.chart()
    hooked = {**manifests.chart("hooked"), "hooked/templates/hook.yaml": _HOOK}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}],
    }
    return {
        **hooked,
        **chart,
        "values.yaml": "replicas: 4\n",
        "web.yaml": manifests.deployment(replicas=6),
        "new.yaml": manifests.config_map("new", a="b"),
        "role.yaml": yaml.safe_dump(role),
        "kustomization.yaml": "resources: [new.yaml]\n",
        "raw.json": json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config"}}),
        "env": "A=b\n",
        "app.yaml": yaml.safe_dump(application("https://a.example/r.git", "https://kubernetes.default.svc")),
        "appset.yaml": yaml.safe_dump(_application_set()),
    }


def application(repository: str, cluster: str) -> dict[str, Any]:
    """The Application `web`, which is not synced."""
    source = {"repoURL": repository, "path": "web", "targetRevision": "main"}
    spec = {"project": "default", "source": source, "destination": {"server": cluster, "namespace": "default"}}
    return {"apiVersion": _ARGO_CD, "kind": "Application", "metadata": {"name": "web"}, "spec": spec}


def stdin() -> str:
    """A changed object and a new one."""
    return f"{manifests.config_map('config', a='changed')}---\n{manifests.config_map('piped', a='b')}"


def _objects() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields the collection and the body of each."""
    apps, rbac = "/apis/apps/v1/namespaces/default", "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    yield "/api/v1/namespaces", _named("other")
    yield "/api/v1/nodes", _named("node-1", labels={"kubernetes.io/hostname": "node-1"})
    yield f"{CORE}/configmaps", _named("config", data={"a": "b"})
    yield f"{CORE}/secrets", _named("password", stringData={"password": "s3cret"})
    yield f"{CORE}/serviceaccounts", _named("robot")
    yield f"{CORE}/services", _named("web", spec={"selector": _LABELS, "ports": [{"port": 80}]})
    yield f"{CORE}/pods", _named("web-0", labels=_LABELS, spec={**_POD_SPEC, "nodeName": "node-1"})
    yield f"{apps}/deployments", _named("web", labels=_LABELS, spec=_WORKLOAD)
    yield f"{apps}/statefulsets", _named("db", spec={**_WORKLOAD, "serviceName": "web"})
    yield f"{rbac}/roles", _named("reader", rules=_RULES)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    yield f"{rbac}/rolebindings", _named("readers", roleRef=role)
    job = {"template": {"spec": {**_POD_SPEC, "restartPolicy": "Never"}}}
    nightly = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}
    yield "/apis/batch/v1/namespaces/default/cronjobs", _named("nightly", spec=nightly)


def _application_set() -> dict[str, Any]:
    template = {"metadata": {"name": "{{name}}"}, "spec": application("https://a.example/r.git", "{{server}}")["spec"]}
    spec = {"generators": [{"list": {"elements": [{"name": "listed", "server": "x"}]}}], "template": template}
    return {"apiVersion": _ARGO_CD, "kind": "ApplicationSet", "metadata": {"name": "listed"}, "spec": spec}


def _named(name: str, *, labels: Mapping[str, str] = {}, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": dict(labels)}, **fields}
