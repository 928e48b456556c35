"""Forms of commands that need no rule, because the door judges what they do: docs/policy.md lists them."""

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
    Form("helm uninstall web", Setting.FENCE, "uninstalled"),
)
"""They run one after the other, in one namespace that has a Sprocket."""
