"""Stand-ins of charts that many clusters run: small, but with objects of the same kinds, hooks and scopes."""

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from tests.support import chart_objects as objects
from tests.support.chart_objects import RELEASE, Template

PASSWORD = "password"
MONITORING = "monitoring.example"
OWN_GROUP = f"{RELEASE}.example"
"""A group for each release, so that what one keeps is in no other's way."""
_OWN_PASSWORD = f"""\
{{{{- $old := lookup "v1" "Secret" .Release.Namespace .Release.Name }}}}
apiVersion: v1
kind: Secret
metadata:
  name: {RELEASE}
  labels: {{app: {RELEASE}}}
data:
  {{{{- if $old }}}}
  {PASSWORD}: {{{{ index $old.data "{PASSWORD}" }}}}
  {{{{- else }}}}
  {PASSWORD}: {{{{ randAlphaNum 24 | b64enc }}}}
  {{{{- end }}}}
"""
"""A Secret that keeps the password that it has."""


@dataclass(frozen=True, slots=True)
class CommonChart:
    """A chart. Numbers in its values say how many replicas it has: `replicas`."""

    name: str
    templates: Sequence[Template] = ()
    cluster_wide: Sequence[Template] = ()
    """Templates that `--set clusterWide=false` leaves out, as such a chart's own values do."""
    crds: Sequence[Template] = ()
    """What helm creates once, before the templates, and never deletes."""
    has_password: bool = False
    """Whether it has a Secret by the release's name, with a password that stays the same."""
    works_in_one_namespace: bool = False
    """Whether it installs where nothing outside one namespace may be changed, with `clusterWide=false`."""

    @property
    def has_workloads(self) -> bool:
        """Whether something in it has replicas."""
        return any(each.get("spec", {}).get("replicas") == objects.REPLICAS for each in self.templates)

    @property
    def files(self) -> dict[str, str]:
        """The files of a request, below a folder by the chart's name."""
        files = {
            "Chart.yaml": f"apiVersion: v2\nname: {self.name}\nversion: 1.0.0\n",
            "values.yaml": "replicas: 1\nclusterWide: true\n",
            "templates/own.yaml": _text(self.templates),
            "templates/cluster.yaml": f"{{{{- if .Values.clusterWide }}}}\n{_text(self.cluster_wide)}{{{{- end }}}}\n",
            "templates/password.yaml": _OWN_PASSWORD if self.has_password else "",
            "crds/all.yaml": yaml.safe_dump_all(self.crds),
        }
        return {f"{self.name}/{path}": text for path, text in files.items() if text}


def _text(templates: Sequence[Template]) -> str:
    """Returns the templates as YAML. A number must not stand in quotes, as `safe_dump` writes a template's braces."""
    return yaml.safe_dump_all(templates).replace(f"'{objects.REPLICAS}'", objects.REPLICAS)


CHARTS = (
    CommonChart(
        "ingress-nginx",
        [
            *(
                objects.account(),
                objects.config(),
                objects.service(),
                objects.service(f"{RELEASE}-admission", port=443),
            ),
            *(objects.deployment(), *objects.role(), *objects.lease_role(objects.NAMESPACE)),
        ],
        [
            *objects.cluster_role(),
            objects.make("networking.k8s.io/v1", "IngressClass", spec={"controller": "example.com/ingress"}),
            objects.webhook("Validating", resource="ingresses"),
            *objects.certificate_jobs(),
        ],
    ),
    CommonChart(
        "cert-manager",
        [
            *(objects.account(), objects.service(), objects.deployment(), objects.deployment(f"{RELEASE}-webhook")),
            *(*objects.role(), objects.hook(objects.job(f"{RELEASE}-check"), "post-install")),
        ],
        [
            objects.definition("Certificate", OWN_GROUP, is_kept=True),
            objects.definition("Issuer", OWN_GROUP, is_kept=True),
            *objects.cluster_role(),
            *objects.cluster_role(f"{RELEASE}-issuers", resources=("secrets", "events")),
            *objects.lease_role("kube-system"),
            objects.webhook("Mutating", resource="certificates"),
            objects.webhook("Validating", resource="certificates"),
        ],
    ),
    CommonChart(
        "kube-prometheus-stack",
        [
            *(objects.account(), objects.secret(), objects.config(), objects.service(), objects.deployment()),
            *(objects.daemon_set(f"{RELEASE}-exporter"), *objects.role()),
            objects.make(f"{MONITORING}/v1", "Prometheus", spec={"replicas": 1}),
            objects.make(f"{MONITORING}/v1", "ServiceMonitor", spec={"selector": {}}),
            objects.make(f"{MONITORING}/v1", "PrometheusRule", spec={"groups": []}),
        ],
        [
            *objects.cluster_role(),
            objects.webhook("Mutating", resource="prometheusrules"),
            objects.webhook("Validating", resource="prometheusrules"),
            *objects.certificate_jobs(),
            objects.elsewhere(objects.service(f"{RELEASE}-dns", is_headless=True), "kube-system"),
        ],
        crds=[objects.definition(kind, MONITORING) for kind in ("Prometheus", "PrometheusRule", "ServiceMonitor")],
    ),
    CommonChart(
        "argo-cd",
        [
            *(objects.account(), objects.config(), objects.secret(), objects.service(), *objects.role()),
            *(objects.deployment(), objects.deployment(f"{RELEASE}-repo"), objects.network_policy()),
            objects.hook(objects.job(f"{RELEASE}-redis-secret"), "pre-install", "pre-upgrade"),
        ],
        [
            *(objects.definition("Rollout", OWN_GROUP, is_kept=True), *objects.cluster_role()),
        ],
        works_in_one_namespace=True,
    ),
    CommonChart(
        "postgresql",
        [
            *(objects.account(), objects.service(port=5432), objects.service(f"{RELEASE}-hl", is_headless=True)),
            *(objects.stateful_set(), objects.network_policy(), objects.disruption_budget()),
        ],
        has_password=True,
        works_in_one_namespace=True,
    ),
    CommonChart(
        "redis",
        [
            *(objects.account(), objects.config(), objects.config(f"{RELEASE}-scripts"), objects.network_policy()),
            *(objects.service(port=6379), objects.service(f"{RELEASE}-hl", is_headless=True)),
            *(objects.stateful_set(), objects.stateful_set(f"{RELEASE}-replicas"), objects.disruption_budget()),
        ],
        has_password=True,
        works_in_one_namespace=True,
    ),
    CommonChart(
        "external-dns",
        [objects.account(), objects.service(port=7979), objects.deployment()],
        objects.cluster_role(resources=("services", "endpoints", "nodes")),
        crds=[objects.definition("DNSEndpoint", "externaldns.example")],
    ),
    CommonChart(
        "metrics-server",
        [objects.account(), objects.service(port=443), objects.deployment()],
        [
            *(*objects.cluster_role(), *objects.cluster_role(f"{RELEASE}-aggregated", resources=("pods",))),
            objects.api_service(OWN_GROUP, "v1beta1"),
            *objects.lease_role("kube-system"),
        ],
    ),
    CommonChart(
        "loki",
        [
            *(objects.account(), objects.config(), objects.service(port=3100), objects.stateful_set()),
            *(objects.deployment(f"{RELEASE}-gateway"), objects.daemon_set(f"{RELEASE}-canary")),
            *(objects.disruption_budget(), objects.network_policy(), *objects.role()),
        ],
        objects.cluster_role(resources=("configmaps",)),
        works_in_one_namespace=True,
    ),
    CommonChart(
        "base",
        [objects.account()],
        [
            *(objects.definition(kind, OWN_GROUP, is_kept=True) for kind in ("Route", "Rule", "Sidecar")),
            *(*objects.cluster_role(), objects.webhook("Validating", resource="routes")),
        ],
    ),
)
"""As they are with their own values; `base` is Istio's."""
