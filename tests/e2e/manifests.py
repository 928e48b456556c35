"""Manifests and charts as callers send them: text, in `stdin` or in `files`."""

from collections.abc import Mapping

import yaml

READY_AFTER = "mcp-k8s.test/ready-after"
NEVER = "mcp-k8s.test/never"


def deployment(
    name: str = "web", *, replicas: int = 2, image: str = "registry.example/web:1", annotations: Mapping[str, str] = {}
) -> str:
    """Whose pods are ready at once, unless an annotation says otherwise."""
    labels = {"app": name}
    return yaml.safe_dump(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels, "annotations": dict(annotations)},
                    "spec": {"containers": [{"name": "main", "image": image}]},
                },
            },
        }
    )


def config_map(name: str, **data: str) -> str:
    return yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: '1'\n",
    "values.yaml": "replicas: 1\nimage: registry.example/web:1\nannotations: {}\n",
    "templates/deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      app: {{ .Release.Name }}
  template:
    metadata:
      labels:
        app: {{ .Release.Name }}
      annotations:
        {{- toYaml .Values.annotations | nindent 8 }}
    spec:
      containers:
        - name: main
          image: {{ .Values.image }}
""",
    "templates/NOTES.txt": "{{ .Release.Name }} runs {{ .Values.replicas }} replicas.\n",
}
"""Path inside the chart → text."""


def chart(folder: str = "web", **values: object) -> dict[str, str]:
    """The chart below that folder, and `values.yaml` beside it with the values named."""
    return {f"{folder}/{path}": text for path, text in CHART.items()} | {"values.yaml": yaml.safe_dump(values)}


def slow(ready_after: str) -> dict[str, str]:
    """Annotations of pods that take so long."""
    return {READY_AFTER: ready_after}


def broken(reason: str) -> dict[str, str]:
    """Annotations of pods that are never ready."""
    return {NEVER: reason}
