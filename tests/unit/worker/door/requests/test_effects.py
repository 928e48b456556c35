"""What a request does: table tests of reads, changes and what `strict` refuses."""

import pytest

from worker.door.requests import effects, request_info
from worker.door.requests.effects import Judgement

_X = "/api/v1/namespaces/x"
_UNKNOWN_PATH = "writing to a path that is not known to be a resource"
_REVIEWS = "/apis/authorization.k8s.io/v1"


def _judge(request: str, *, body: str = "", content_type: str = "application/json") -> Judgement:
    method, target = request.split()
    path, _, text = target.partition("?")
    query = [(name, value) for name, _, value in (pair.partition("=") for pair in text.split("&") if pair)]
    info = request_info.resolve(method, path, query)
    return effects.judge(info, method=method, query=query, body=body.encode(), content_type=content_type)


@pytest.mark.parametrize(
    "request_line",
    [
        f"GET {_X}/pods",
        f"HEAD {_X}/pods/a",
        f"GET {_X}/secrets?watch=1",
        f"GET {_X}/pods/a/log",
        f"GET {_X}/pods/a/status",
        f"GET {_X}/status",
        f"GET {_X}",
        "GET /api/v1/watch/pods",
        "GET /apis/apps/v1/namespaces/x/deployments/a/scale",
        "GET /apis/metrics.k8s.io/v1beta1/nodes",
        "GET /",
        "GET /api",
        "GET /api/v1",
        "GET /apis/apps/v1",
        "GET /openapi/v2",
        "GET /openapi/v3/apis/apps/v1",
        "GET /version",
        "GET /livez/ping",
        "GET /readyz?verbose",
        "GET /metrics",
        "GET /.well-known/openid-configuration",
        f"POST {_REVIEWS}/selfsubjectaccessreviews",
        f"POST {_REVIEWS}/selfsubjectrulesreviews",
        f"POST {_REVIEWS}/namespaces/x/localsubjectaccessreviews",
        "POST /apis/authentication.k8s.io/v1/selfsubjectreviews",
        f"POST {_X}/configmaps?dryRun=All",
        f"PATCH {_X}/pods/a?dryRun=All&fieldManager=kubectl",
        "DELETE /api/v1/namespaces/x?dryRun=All",
        f"DELETE {_X}/pods?dryRun=All",
        f"POST {_X}/pods/a/eviction?dryRun=All",
    ],
)
def test_read_changes_nothing_and_is_refused_nowhere(request_line: str) -> None:
    judgement = _judge(request_line)
    assert (judgement.is_read, judgement.is_change, judgement.strict_refusal) == (True, False, "")
    assert judgement.is_dry_run is ("dryRun" in request_line)


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /logs/kube-apiserver.log",
        "GET /metrics/cadvisor",
        "GET /debug/pprof/heap",
        "POST /apis/authentication.k8s.io/v1/tokenreviews",
        "POST /apis/authentication.k8s.io/v1/tokenreviews?dryRun=All",
        f"PATCH {_X}/secrets/a?dryRun=All",
        f"POST {_X}/secrets?dryRun=All",
    ],
)
def test_some_requests_change_nothing_and_are_no_reads_either(request_line: str) -> None:
    judgement = _judge(request_line)
    assert (judgement.is_read, judgement.is_change, judgement.strict_refusal) == (False, False, "")


@pytest.mark.parametrize(
    "request_line",
    [
        f"POST {_X}/pods",
        f"PUT {_X}/pods/a/status",
        f"PATCH {_X}/configmaps/a?dryRun=None",
        f"DELETE {_X}/pods/a",
        f"POST {_X}/pods/a/eviction",
        f"GET {_X}/pods/a/exec?command=ls",
        f"POST {_X}/pods/a/attach",
        f"GET {_X}/pods/a/portforward",
        f"GET {_X}/services/a/proxy/admin",
        f"HEAD {_X}/pods/a/proxy",
        "GET /api/v1/nodes/a/proxy/pods",
        "GET /api/v1/proxy/nodes/a",
        "GET /apis/subresources.example.com/v1/namespaces/x/machines/a/console",
        f"GET {_X}/pods/a/log/more",
        f"POST {_X}/watch/pods",
        "POST /api/v1/watch/pods",
        f"OPTIONS {_X}/pods",
        f"GET {_X}/pods/a/exec?dryRun=All",
        f"POST {_REVIEWS}/selfsubjectaccessreviews/a",
        "POST /apis/example.com/v1/selfsubjectaccessreviews",
        "POST /apis/example.com/v1/widgets?dryRun=All",
        f"POST {_X}/pods/a/binding?dryRun=All",
    ],
)
def test_change_is_no_read_and_strict_lets_ordinary_ones_through(request_line: str) -> None:
    judgement = _judge(request_line)
    assert (judgement.is_read, judgement.is_change, judgement.strict_refusal) == (False, True, "")


@pytest.mark.parametrize(
    ("request_line", "refusal"),
    [
        ("POST /version", _UNKNOWN_PATH),
        ("PUT /debug/flags/v", _UNKNOWN_PATH),
        ("DELETE /c-1/api/v1/namespaces/x", _UNKNOWN_PATH),
        ("DELETE /api/v1/namespaces/x", "deleting Namespaces"),
        ("DELETE /api/v1/persistentvolumes/a", "deleting PersistentVolumes"),
        (f"DELETE {_X}/persistentvolumeclaims/a", "deleting PersistentVolumeClaims"),
        ("DELETE /api/v1/nodes/a", "deleting Nodes"),
        (
            "DELETE /apis/apiextensions.k8s.io/v1/customresourcedefinitions/a",
            "deleting CustomResourceDefinitions",
        ),
        (f"DELETE {_X}/pods", "deleting all pods at once"),
        (f"POST {_X}/serviceaccounts/a/token", "requesting a token of a ServiceAccount"),
        (f"POST {_X}/serviceaccounts/a/token?dryRun=All", "requesting a token of a ServiceAccount"),
        (
            "PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/a/approval?dryRun=All",
            "approving or denying a CertificateSigningRequest",
        ),
        ("PUT /api/v1/namespaces/x/finalize", "writing the subresource finalize of namespaces"),
        ("PUT /apis/example.com/v1/widgets/a/start", "writing the subresource start of widgets"),
    ],
)
def test_strict_refuses_what_cannot_be_undone_or_makes_credentials(request_line: str, refusal: str) -> None:
    judgement = _judge(request_line)
    assert (judgement.is_read, judgement.is_change, judgement.strict_refusal) == (False, True, refusal)


@pytest.mark.parametrize(
    "request_line",
    [
        f"DELETE {_X}/secrets/a",
        "DELETE /apis/rbac.authorization.k8s.io/v1/clusterroles/a",
        "DELETE /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/a",
        "DELETE /apis/example.com/v1/namespaces/x",
        f"PUT {_X}/pods/a/resize",
        "PATCH /apis/example.com/v1/namespaces/x/widgets/a/scale",
    ],
)
def test_strict_lets_through_what_ordinary_charts_and_people_do(request_line: str) -> None:
    assert _judge(request_line).strict_refusal == ""


@pytest.mark.parametrize("kind", ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"])
@pytest.mark.parametrize(
    ("request_line", "content_type", "template"),
    [
        (f"POST {_X}/secrets", "application/json", '{{"type": "{}"}}'),
        (f"POST {_X}/secrets", "", '{{"\\u0074ype": "{}"}}'),
        (f"POST {_X}/secrets", "application/yaml", "type: {}"),
        (f"PUT {_X}/secrets/a", "application/json; charset=utf-8", '{{"type": "{}"}}'),
        (f"PATCH {_X}/secrets/a", "application/apply-patch+yaml", "kind: Secret\ntype: '{}'"),
    ],
)
def test_strict_refuses_secrets_that_are_credentials(
    request_line: str, content_type: str, template: str, kind: str
) -> None:
    judgement = _judge(request_line, body=template.format(kind), content_type=content_type)
    assert judgement.strict_refusal == f"a Secret of the type {kind}"


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [("bootstrap.kubernetes.io/token", "a Secret of the type bootstrap.kubernetes.io/token"), ("Opaque", "")],
)
def test_type_of_a_secret_in_protobuf_is_read(kind: str, refusal: str) -> None:
    secret = f"\x1a{chr(len(kind))}{kind}"
    body = f"k8s\0\x12{chr(len(secret))}{secret}"

    judgement = _judge(f"POST {_X}/secrets", body=body, content_type="application/vnd.kubernetes.protobuf")

    assert judgement.strict_refusal == refusal


@pytest.mark.parametrize(
    ("request_line", "content_type", "body"),
    [
        (f"POST {_X}/secrets", "application/json", '{"kind": "Secret"}'),
        (f"POST {_X}/secrets", "application/json", '{"type": "Opaque", "data": {"a": "Yg=="}}'),
        (f"PATCH {_X}/secrets/a", "application/apply-patch+yaml", '{"type": "helm.sh/release.v1"}'),
        (f"PATCH {_X}/secrets/a", "application/merge-patch+json", '{"data": null}'),
        (f"PATCH {_X}/secrets/a", "application/json-patch+json", '[{"op": "remove", "path": "/data/a"}]'),
    ],
)
def test_strict_lets_ordinary_secrets_through(request_line: str, content_type: str, body: str) -> None:
    assert _judge(request_line, body=body, content_type=content_type).strict_refusal == ""


@pytest.mark.parametrize(
    ("request_line", "content_type", "body"),
    [
        (f"POST {_X}/secrets", "application/vnd.kubernetes.protobuf", "k8s\0\x12"),
        (f"POST {_X}/secrets", "application/json", '{"type": "Opaque", "type": "bootstrap.kubernetes.io/token"}'),
        (f"POST {_X}/secrets", "application/json", '{"type": ["Opaque"]}'),
        (f"POST {_X}/secrets", "application/json", ""),
        (f"POST {_X}/secrets", "application/yaml", "<<: {type: bootstrap.kubernetes.io/token}"),
        (f"POST {_X}/secrets", "application/yaml", "type: !!binary Ym9vdHN0cmFw"),
        (f"POST {_X}/secrets", "application/yaml", "a: &a bootstrap.kubernetes.io/token\ntype: *a"),
        (f"PATCH {_X}/secrets/a", "application/apply-patch+cbor", "\0"),
    ],
)
def test_strict_refuses_secrets_that_it_cannot_read(request_line: str, content_type: str, body: str) -> None:
    refusal = _judge(request_line, body=body, content_type=content_type).strict_refusal
    assert "a Secret that cannot be read" in refusal or "a Secret of which the type is not text" in refusal


@pytest.mark.parametrize(
    ("path", "may"),
    [
        (f"{_X}/pods/a/exec", True),
        (f"{_X}/pods/a/attach", True),
        (f"{_X}/pods/a/portforward", True),
        (f"{_X}/services/a/proxy/x", True),
        (f"{_X}/pods", False),
        (f"{_X}/secrets", False),
        (f"{_X}/pods/a/log", False),
        ("/version", False),
        ("/apis/example.com/v1/namespaces/x/machines/a/console", False),
    ],
)
def test_only_connections_to_pods_services_and_nodes_become_tunnels(path: str, *, may: bool) -> None:
    assert effects.may_upgrade(request_info.resolve("GET", path, [])) is may
