"""What the mode `strict` refuses of objects that it keeps: what would delete them, or evict the pods of a node."""

import json

import pytest

from worker.door.requests import request_info, strict

NODE, NAMESPACE, VOLUME = "/api/v1/nodes/a", "/api/v1/namespaces/x", "/api/v1/persistentvolumes/a"
TAINT_RULE = "/apis/resource.k8s.io/v1alpha3/devicetaintrules/a"
DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/a"
CLAIM = "/api/v1/namespaces/x/persistentvolumeclaims/a"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
OWNED = '{"metadata": {"ownerReferences": [{"name": "nothing"}]}}'
DEPENDS = "depend on objects with which they would be deleted"
EVICTS = "a taint NoExecute, which evicts the pods of a node"
UNREADABLE = "in a way that cannot be read"


def nested(depth: int) -> object:
    """As deep as the definitions of cert-manager."""
    leaf: object = {"description": "allowed are NoSchedule and NoExecute, a < b"}
    for _ in range(depth):
        leaf = {"properties": leaf}
    return leaf


def _refusal(path: str, body: bytes, content_type: str, method: str = "PATCH") -> str:
    info = request_info.resolve(method, path, ())
    return strict.refusal(info, method, body=body, content_type=content_type)


@pytest.mark.parametrize(
    ("path", "body", "content_type", "refusal"),
    [
        (NAMESPACE, OWNED, MERGE, f"making Namespaces {DEPENDS}"),
        (CLAIM, OWNED, STRATEGIC, f"making PersistentVolumeClaims {DEPENDS}"),
        (NAMESPACE, "metadata: {ownerReferences: [{name: a}]}", APPLY, DEPENDS),
        (NAMESPACE, '{"metadata": {"\\u006fwnerReferences": [{}]}}', MERGE, DEPENDS),
        (NAMESPACE, 'metadata: {"owner\\\nReferences": [{}]}', APPLY, UNREADABLE),
        (NAMESPACE, "metadata: {!!binary b3duZXJSZWZlcmVuY2Vz: [{}]}", APPLY, UNREADABLE),
        (NAMESPACE, '[{"op": "add", "path": "/metadata/ownerReferences", "value": [{}]}]', JSON_PATCH, DEPENDS),
        (NAMESPACE, '[{"op": "add", "path": "/metadata/ownerReferences/-", "value": {}}]', JSON_PATCH, DEPENDS),
        (NAMESPACE, f'[{{"op": "replace", "path": "", "value": {OWNED}}}]', JSON_PATCH, DEPENDS),
        (NAMESPACE, '[{"op": "copy", "from": "/metadata/labels/a", "path": "/metadata/b"}]', JSON_PATCH, UNREADABLE),
        (NODE, '{"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}}', STRATEGIC, EVICTS),
        (NODE, '{"spec": {"taints": [{"key": "a", "effect": "No\\u0045xecute"}]}}', MERGE, EVICTS),
        (NODE, '[{"op": "replace", "path": "/spec/taints/0/effect", "value": "NoExecute"}]', JSON_PATCH, EVICTS),
        (
            NODE,
            '[{"op": "move", "from": "/metadata/labels/a", "path": "/spec/taints/0/effect"}]',
            JSON_PATCH,
            UNREADABLE,
        ),
        (NODE, '{"a": 1', MERGE, UNREADABLE),
        (NODE, '{"spec": {"taints": []}, "spec": {}}', MERGE, UNREADABLE),
        (f"{NAMESPACE}/status", OWNED, MERGE, DEPENDS),
        (f"{NODE}/status", OWNED, MERGE, DEPENDS),
        (f"{CLAIM}/status", OWNED, JSON_PATCH, UNREADABLE),
        (NAMESPACE, 'metadata:\n  ? "owner\\\u2028References"\n  : [{name: nothing}]\n', APPLY, DEPENDS),
        (NAMESPACE, "metadata:\n  !!b%69nary b3duZXJSZWZlcmVuY2Vz: [{name: nothing}]\n", APPLY, UNREADABLE),
        (NAMESPACE, 'metadata: {name: a}\n! "<<": {metadata: {}}\n', APPLY, UNREADABLE),
        (VOLUME, '{"spec": {"claimRef": {"name": "gone", "uid": "1"}}}', MERGE, "it would be deleted"),
        (VOLUME, '{"spec": {"persistentVolumeReclaimPolicy": "Delete"}}', STRATEGIC, "it would be deleted"),
        (VOLUME, '[{"op": "add", "path": "/spec/claimRef/uid", "value": "1"}]', JSON_PATCH, "it would be deleted"),
        (TAINT_RULE, '{"spec": {"taint": {"key": "a", "effect": "NoExecute"}}}', MERGE, EVICTS),
        (NAMESPACE, "[]", MERGE, UNREADABLE),
        (NAMESPACE, '{"a": 1}', "text/plain", UNREADABLE),
    ],
)
def test_change_that_would_delete_or_evict_is_refused(path: str, body: str, content_type: str, refusal: str) -> None:
    assert refusal in _refusal(path, body.encode(), content_type)


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        (NODE, '{"spec": {"unschedulable": true}}', STRATEGIC),
        (NODE, '{"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}', MERGE),
        (NAMESPACE, '{"metadata": {"labels": {"team": "a", "op": "copy"}, "ownerReferences": null}}', MERGE),
        (NAMESPACE, '[{"op": "remove", "path": "/metadata/ownerReferences"}]', JSON_PATCH),
        (NAMESPACE, '[{"op": "replace", "path": "/metadata/ownerReferences", "value": []}]', JSON_PATCH),
        (VOLUME, '{"spec": {"claimRef": null, "persistentVolumeReclaimPolicy": "Retain"}}', MERGE),
        (NAMESPACE, json.dumps({"metadata": {"annotations": {"a": "!" * 1_000_000}}}), MERGE),
        (DEFINITION, json.dumps({"spec": {"versions": [nested(60)]}}), APPLY),
        (DEFINITION, json.dumps({"spec": {"properties": {"ownerReferences": {"type": "array"}}}}), APPLY),
        (DEFINITION, "a: '!key.contains(1)' # remove\n" + "- 'b'\n" * 50_000, APPLY),
        (CLAIM, "spec: {resources: {requests: {storage: 2Gi}}}", APPLY),
        ("/api/v1/namespaces/x/pods/a", OWNED, MERGE),
        ("/api/v1/namespaces/x/pods/a", '{"spec": {"tolerations": [{"effect": "NoExecute"}]}}', MERGE),
    ],
)
def test_ordinary_change_is_let_through(path: str, body: str, content_type: str) -> None:
    assert _refusal(path, body.encode(), content_type) == ""


def test_owner_in_protobuf_is_seen() -> None:
    reference = "\x6a\x02ab"  # field 13 of ObjectMeta
    metadata = f"\x0a{chr(len(reference))}{reference}"
    owned = f"k8s\0\x12{chr(len(metadata))}{metadata}".encode()
    media_type = "application/vnd.kubernetes.protobuf"

    assert DEPENDS in _refusal(NAMESPACE, owned, media_type, method="PUT")
    assert _refusal(NAMESPACE, b"k8s\0\x12\x02\x0a\x00", media_type, method="PUT") == ""
    assert UNREADABLE in _refusal(NAMESPACE, b"k8s\0\x12\x09\x0a", media_type, method="PUT")


def test_protobuf_that_readers_read_differently_is_refused() -> None:
    media_type = "application/vnd.kubernetes.protobuf"
    owned = b"\x6a\x02ab"
    twice = b"\x0a\x04" + owned + b"\x0a\x03\x0a\x01x"
    beyond_32_bits = b"\x0a\x09" + b"\xea\x80\x80\x80\x80\x01\x02ab"
    many = b"\x52\x00" * 1_000_000
    for raw in (twice, beyond_32_bits):
        body = b"k8s\0\x12" + bytes([len(raw)]) + raw
        assert UNREADABLE in _refusal(NAMESPACE, body, media_type, method="PUT")
    assert UNREADABLE in _refusal(NAMESPACE, b"k8s\0" + many, media_type, method="PUT")


def test_project_of_openshift_is_kept_like_its_namespace() -> None:
    assert _refusal("/apis/project.openshift.io/v1/projects/x", b"", "", "DELETE") == "deleting Projects"


def test_new_object_may_have_owners() -> None:
    assert _refusal("/api/v1/namespaces/x/persistentvolumeclaims", OWNED.encode(), "application/json", "POST") == ""
