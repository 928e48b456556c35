"""Forms of commands that need no rule, because the door judges what they do: docs/policy.md lists them."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tests.e2e import manifests

SPROCKETS = {
    "metadata": {"name": "sprockets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "sprockets", "singular": "sprocket", "kind": "Sprocket"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}},
        ],
    },
}
"""The definition of a kind that no CLI knows."""
SPROCKET = {"apiVersion": "example.com/v1", "kind": "Sprocket", "metadata": {"name": "web"}}
SECRET = {"metadata": {"name": "db"}, "data": {"password": base64.b64encode(b"canary").decode()}}
READER = {
    "metadata": {"name": "reader"},
    "spec": {
        "selector": {"matchLabels": {"app": "reader"}},
        "template": {
            "metadata": {"labels": {"app": "reader"}},
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "image": "registry.example/web:1",
                        "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
                    }
                ]
            },
        },
    },
}
"""A Deployment with a value of the Secret in its environment."""
MARK = "[masked, "
ENCODED_MARK = base64.b64encode(MARK.encode()).decode()
CONFIG_MAP = manifests.config_map("settings", colour="blue")


class Setting(StrEnum):
    """The setting under which a form runs that its words would rule out."""

    ANY = "any"
    STRICT = "strict"
    PERMISSIVE = "permissive"
    FENCE = "fence"


@dataclass(frozen=True, slots=True)
class Form:
    """`prints` is in its output."""

    command: str
    setting: Setting
    prints: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def tool(self) -> str:
        return self.command.partition(" ")[0]

    @property
    def arguments(self) -> str:
        return self.command.partition(" ")[2]


FORMS = (
    Form("helm upgrade --install web ./web", Setting.FENCE, "STATUS: deployed", files=manifests.chart()),
    Form("helm status web", Setting.FENCE, "STATUS: deployed"),
    Form("helm rollback web 1", Setting.FENCE, "Rollback was a success"),
    Form(
        "kubectl apply -k .",
        Setting.FENCE,
        "settings",
        files={"kustomization.yaml": "resources: [settings.yaml]\n", "settings.yaml": CONFIG_MAP},
    ),
    Form("kubectl get all", Setting.FENCE, "deployment.apps/web"),
    Form("kubectl get sprockets", Setting.FENCE, "web"),
    Form("kubectl get nodes", Setting.FENCE),
    Form("kubectl get --raw /healthz", Setting.FENCE, "ok"),
    Form("kubectl auth can-i list pods --as=system:serviceaccount:default:default", Setting.ANY, "no"),
    Form("kubectl auth whoami --as=ci", Setting.ANY, "ci"),
    Form("kubectl get deployments --as=admin --as-group=system:masters", Setting.PERMISSIVE, "web"),
    Form("kubectl delete sprockets.example.com web", Setting.STRICT, "deleted"),
    Form("kubectl get secret db -o jsonpath={.data.password}", Setting.ANY, ENCODED_MARK),
    Form("kubectl get secret db -o go-template={{.data.password}}", Setting.ANY, ENCODED_MARK),
    Form("kubectl get secrets -o custom-columns=NAME:.metadata.name,DATA:.data", Setting.ANY, ENCODED_MARK),
    Form("kubectl get secret db -o json -v=9", Setting.ANY, ENCODED_MARK),
    Form("kubectl set env deploy/reader --list --resolve", Setting.ANY, f"PASSWORD={MARK}"),
    Form("kubectl annotate secret/db --list", Setting.ANY),
    Form("kubectl wait secret/db --for=jsonpath={.metadata.name}=db", Setting.ANY, "condition met"),
    Form("helm get all web --template {{.Release.Config}}", Setting.ANY, "map["),
    Form("kubectl label secret db tier=back -o yaml", Setting.STRICT, ENCODED_MARK),
    Form("helm uninstall web", Setting.FENCE, "uninstalled"),
)
"""They run one after the other, in one namespace that has a Sprocket, a Secret and its reader."""
