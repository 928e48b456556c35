"""Which requests make a credential."""

import json

import pytest

from worker.door.requests import credentials, request_info

SECRETS = "/api/v1/namespaces/x/secrets"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
JSON, APPLY = "application/json", "application/apply-patch+yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
OF_A_NODE = {"spec": {"signerName": "kubernetes.io/kube-apiserver-client-kubelet"}}
OF_A_MESH = {"spec": {"signerName": "istio.io/proxy"}}


def _made(request: str, body: bytes, content_type: str) -> str:
    method, path = request.split()
    return credentials.made(request_info.resolve(method, path, ()), body=body, content_type=content_type)


@pytest.mark.parametrize(("request_line", "content_type"), [(f"POST {REQUESTS}", JSON), (f"PATCH {REQUESTS}/a", APPLY)])
def test_certificate_for_an_identity_of_the_cluster_is_one(request_line: str, content_type: str) -> None:
    """The cluster approves some of them by itself."""
    assert "an identity of the cluster" in _made(request_line, json.dumps(OF_A_NODE).encode(), content_type)
    assert _made(request_line, json.dumps(OF_A_MESH).encode(), content_type) == ""


def test_certificate_in_protobuf_is_seen() -> None:
    assert _made(f"POST {REQUESTS}", b"k8s\0...kubernetes.io/kubelet-serving...", PROTOBUF)


def test_request_that_cannot_be_read_counts_as_one() -> None:
    for path in (REQUESTS, SECRETS):
        assert "cannot be read" in _made(f"POST {path}", b"[", JSON)


def test_type_of_a_secret_is_not_hidden_in_a_number_beyond_32_bits() -> None:
    kind = b"kubernetes.io/service-account-token"
    field = b"\x9a\x80\x80\x80\x80\x01" + bytes([len(kind)]) + kind
    assert _made(f"POST {SECRETS}", b"k8s\0\x12" + bytes([len(field)]) + field, PROTOBUF)


@pytest.mark.parametrize("request_line", [f"GET {SECRETS}", f"DELETE {SECRETS}/a", f"GET {REQUESTS}/a/approval"])
def test_reading_and_deleting_make_none(request_line: str) -> None:
    assert _made(request_line, b"", "") == ""
