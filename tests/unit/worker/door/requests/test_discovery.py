"""What a discovery document says, in each of its forms."""

import gzip
import json

import pytest

from worker.door.requests import discovery
from worker.door.requests.discovery import Discovery, Resource

_DEPLOYMENTS = {
    "resource": "deployments",
    "responseKind": {"group": "apps", "version": "", "kind": "Deployment"},
    "scope": "Namespaced",
    "singularResource": "deployment",
    "verbs": ["get", "list"],
    "shortNames": ["deploy"],
    "categories": ["all"],
    "subresources": [{"subresource": "scale", "responseKind": {"kind": "Scale"}, "verbs": ["get"]}],
}
_NODES = {"resource": "nodes", "responseKind": {"kind": "Node"}, "scope": "Cluster", "singularResource": "node"}
_ORPHAN = {"resource": "things", "responseKind": None, "scope": "Cluster", "singularResource": "", "verbs": None}


def _aggregated(version: str = "v2") -> bytes:
    groups = [
        {"metadata": {"name": "apps", "creationTimestamp": None}, "versions": [_version(_DEPLOYMENTS)]},
        {"metadata": {"creationTimestamp": None}, "versions": [_version(_NODES)]},
        {"metadata": {"name": "example.com"}, "versions": [_version(_ORPHAN), {"version": "v2", "resources": None}]},
        {"metadata": {"name": "gone.example"}, "versions": None},
    ]
    document = {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "items": groups}
    return json.dumps(document | {"metadata": {}}).encode()


def _version(*resources: object) -> dict[str, object]:
    return {"version": "v1", "resources": resources, "freshness": "Current"}


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
def test_aggregated_document_names_resources_of_all_groups(version: str) -> None:
    found = discovery.parse(_aggregated(version))
    assert found.resources == {
        ("apps", "v1", "deployments"): Resource("Deployment", is_namespaced=True),
        ("", "v1", "nodes"): Resource("Node", is_namespaced=False),
        ("example.com", "v1", "things"): Resource("", is_namespaced=False),
    }


@pytest.mark.parametrize(
    "name", ["deployments", "Deployment", "deploy", "deployments.apps", "deployment.v1.apps", "no"]
)
def test_name_is_known_in_each_form_that_kubectl_takes(name: str) -> None:
    assert discovery.parse(_aggregated()).knows(name) is (name != "no")


@pytest.mark.parametrize("name", ["", "all", "scale", "deploy.example", "deployments.app", "widgets", "apps"])
def test_categories_subresources_and_strangers_are_not_known(name: str) -> None:
    assert not discovery.parse(_aggregated()).knows(name)


def test_plain_document_names_resources_of_one_version() -> None:
    resources = [
        {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "shortNames": ["po"]},
        {"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]},
    ]
    for group_version, group, version in (("v1", "", "v1"), ("example.com/v2", "example.com", "v2")):
        document = {"kind": "APIResourceList", "groupVersion": group_version, "resources": resources}
        found = discovery.parse(json.dumps(document).encode())
        assert found.resources == {(group, version, "pods"): Resource("Pod", is_namespaced=True)}
        assert found.knows("PO")


def test_packed_document_is_unpacked() -> None:
    assert discovery.parse(gzip.compress(_aggregated()), "gzip") == discovery.parse(_aggregated())


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"", ""),
        (b"<html>", ""),
        (b"[" * 100_000, ""),
        (b'{"kind": "APIGroupList", "groups": []}', ""),
        (b'{"kind": "APIGroupDiscoveryList", "items": [{"versions": {}}]}', ""),
        (b'{"kind": "APIResourceList", "resources": []}', ""),
        (b"\xff\xfe", ""),
        (_aggregated(), "gzip"),
        (gzip.compress(b" " * (discovery.MOST_BYTES + 1) + _aggregated()), "gzip"),
        (b" " * discovery.MOST_BYTES + _aggregated(), ""),
    ],
    ids=range(10),
)
def test_other_answer_names_nothing(body: bytes, encoding: str) -> None:
    assert discovery.parse(body, encoding) == Discovery()


def test_number_of_resources_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MOST_RESOURCES", 2)
    assert len(discovery.parse(_aggregated()).resources) == 2


def test_number_of_objects_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MOST_OBJECTS", 2)
    assert discovery.parse(_aggregated()) == Discovery()
    assert discovery.read_bytes(_aggregated()) == 0
