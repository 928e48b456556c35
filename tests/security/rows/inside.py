"""Requests from inside: to our own services and to metadata, by each URL that a CLI would fetch."""

from tests.security.attack import Attack, End, contained, refused
from tests.security.rows.charts import chart, kustomization, schema

_METADATA = "http://169.254.169.254/latest/meta-data"


def _contained(tool: str, end: End = End.FAILED, **commands: str) -> tuple[Attack, ...]:
    """The caller may name a URL; where it leads is the proxy's to judge."""
    return tuple(contained(name.replace("_", "-"), text, end, tool=tool) for name, text in commands.items())


ROWS = (
    *refused(
        metadata=f"apply -f {_METADATA}",
        own_service="apply -f http://@INSIDE@/x.yaml",
        own_service_as_a_kustomization="apply -k http://@INSIDE@/x",
        own_service_kustomized="kustomize http://@INSIDE@/x",
        own_service_from_git="kustomize git::http://@INSIDE@/x",
        patch="patch cm settings --patch-file=http://@INSIDE@/x",
    ),
    *refused(
        below=None,
        metadata_in_upper_case="apply -f HTTP://169.254.169.254/x",
        metadata_glued=f"apply -f{_METADATA}",
        metadata_in_a_list=f"apply -f -,{_METADATA}",
        own_service_created="create -f http://@INSIDE@/x.yaml",
        own_service_by_tls="apply -f https://@INSIDE@/x.yaml",
        own_service_replaced="replace --force -f http://@INSIDE@/x.yaml",
        own_service_described="get -f http://@INSIDE@/x.yaml -o yaml",
    ),
    *refused(
        "helm",
        values="template x ./chart -f git://@INSIDE@/x",
        values_from_a_bucket="template x ./chart -f s3://@INSIDE@/x",
        chart_from_git="install x git+http://@INSIDE@/x",
        set_file="template x ./chart --set-file a=http://@INSIDE@/x",
        scheme_in_upper_case="install x HTTP://@INSIDE@/x.tgz",
        values_by_http="template x ./chart -f http://@INSIDE@/x",
    ),
    *_contained(
        "helm",
        chart_of_our_own_service="install x http://@INSIDE@/x.tgz",
        chart_by_name="install x http://localhost:@INSIDE_PORT@/x.tgz",
        chart_by_name_in_mixed_case="install x http://LocalHost:@INSIDE_PORT@/x.tgz",
        chart_by_a_name_with_a_dot="install x http://localhost.:@INSIDE_PORT@/x.tgz",
        chart_by_a_name_below="install x http://x.localhost:@INSIDE_PORT@/x.tgz",
        chart_by_number="install x http://2130706433:@INSIDE_PORT@/x.tgz",
        chart_by_hexadecimal="install x http://0x7f000001:@INSIDE_PORT@/x.tgz",
        chart_by_octal="install x http://0177.0.0.1:@INSIDE_PORT@/x.tgz",
        chart_by_a_short_address="install x http://127.1:@INSIDE_PORT@/x.tgz",
        chart_by_nothing="install x http://0.0.0.0:@INSIDE_PORT@/x.tgz",
        chart_by_ipv6="install x http://[::1]:@INSIDE_PORT@/x.tgz",
        chart_by_mapped_ipv6="install x http://[::ffff:127.0.0.1]:@INSIDE_PORT@/x.tgz",
        chart_by_unspecified_ipv6="install x http://[::]:@INSIDE_PORT@/x.tgz",
        chart_by_another_loopback_address="install x http://127.0.0.2:@INSIDE_PORT@/x.tgz",
        chart_behind_credentials="install x http://example.com@@INSIDE@/x.tgz",
        chart_of_a_registry="pull oci://@INSIDE@/x --plain-http",
        chart_of_a_repository="install x y --repo http://@INSIDE@",
        repository="repo add x http://@INSIDE@",
        registry="registry login @INSIDE@ --username x --password y --plain-http",
        metadata=f"install x {_METADATA}/x.tgz",
        metadata_shown="show chart http://169.254.169.254/x-1.0.0.tgz",
        metadata_by_mapped_ipv6="show chart http://[::ffff:169.254.169.254]/x-1.0.0.tgz",
        metadata_by_number="show chart http://2852039166/x-1.0.0.tgz",
        metadata_of_a_registry="show chart oci://169.254.169.254/x --plain-http",
        metadata_by_name="show chart http://metadata.google.internal/x-1.0.0.tgz",
    ),
    *_contained(
        "kubectl",
        End.HARMLESS,
        raw_url="get --raw http://@INSIDE@/x",
        raw_without_a_scheme="get --raw //@INSIDE@/x",
        raw_with_credentials="get --raw @@INSIDE@/x",
    ),
    contained(
        "resource-in-a-kustomization", "kustomize .", files=kustomization("resources: ['http://@INSIDE@/x.yaml']")
    ),
    contained(
        "base-in-a-kustomization", "apply -k .", files=kustomization("resources: ['http://@INSIDE@/x?ref=main']")
    ),
    contained(
        "git-in-a-kustomization", "kustomize .", files=kustomization("resources: ['git::ssh://git@@INSIDE@/x.git']")
    ),
    contained("metadata-in-a-kustomization", "kustomize .", files=kustomization(f"resources: ['{_METADATA}']")),
    contained(
        "dependency-of-a-chart",
        "dependency update ./chart",
        files=chart(dependencies="[{name: x, version: 1.0.0, repository: 'http://@INSIDE@'}]"),
        tool="helm",
    ),
    contained(
        "registry-of-a-dependency",
        "dependency update ./chart",
        files=chart(dependencies="[{name: x, version: 1.0.0, repository: 'oci://@INSIDE@'}]"),
        tool="helm",
    ),
    contained(
        "schema-of-a-chart", "template x ./chart", files=chart(schema=schema("http://@INSIDE@/x.json")), tool="helm"
    ),
    contained(
        "server-of-its-own",
        "app list",
        tool="argocd",
        headers={"X-Argocd-Server": "@INSIDE@", "X-Argocd-Auth-Token": "x"},
    ),
    Attack(
        "metadata-as-a-server",
        "app list",
        "argocd",
        headers={"X-Argocd-Server": "169.254.169.254:80", "X-Argocd-Auth-Token": "x"},
        below=None,
    ),
)
