"""What the door says about requests is what a real API server does with them."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.control_plane import ControlPlane
from tests.support.waiting import wait_until
from worker.door.requests import discovery, dry_run, effects, kinds, request_info
from worker.door.requests.effects import Judgement

_JSON = "application/json"
_YAML = "application/yaml"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_GROUP = "door.example"
_READY_TIMEOUT_S = 30
_ALL = '{"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}'
_CONFIG_MAP = '{"metadata": {"name": "NAME"}, "data": {"a": "new"}}'
_REPLICAS = '{"spec": {"replicas": 1}}'
_BINDING = '{"metadata": {"name": "old"}, "target": {"kind": "Node", "name": "node-1"}}'
_DEBUGGER = '{"spec": {"ephemeralContainers": [{"name": "d", "image": "i", "targetContainerName": "c"}]}}'


@dataclass(frozen=True, slots=True)
class Case:
    """A request in a namespace. `watched` is the object that it changes, unless it is a dry run."""

    request: str
    watched: str
    body: str = ""
    content_type: str = _JSON
    is_known: bool = True
    """Whether the door must know it for a dry run if the server takes it for one."""


CASES = {
    "create": Case("POST configmaps?dryRun=All", "configmaps/new", _CONFIG_MAP.replace("NAME", "new")),
    "create for real": Case("POST configmaps", "configmaps/new", _CONFIG_MAP.replace("NAME", "new")),
    "create twice": Case("POST configmaps?dryRun=All&dryRun=All", "configmaps/new", _CONFIG_MAP.replace("NAME", "new")),
    "update": Case("PUT configmaps/old?dryRun=All", "configmaps/old", _CONFIG_MAP.replace("NAME", "old")),
    "patch": Case("PATCH configmaps/old?dryRun=All", "configmaps/old", '{"data": {"a": "new"}}', _MERGE),
    "patch for real": Case("PATCH configmaps/old", "configmaps/old", '{"data": {"a": "new"}}', _MERGE),
    "apply": Case(
        "PATCH configmaps/new?dryRun=All&fieldManager=t",
        "configmaps/new",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new}",
        _APPLY,
    ),
    "delete": Case("DELETE configmaps/old?dryRun=All", "configmaps/old", content_type=""),
    "delete by body": Case("DELETE configmaps/old", "configmaps/old", _ALL),
    "delete by body without a type": Case("DELETE configmaps/old", "configmaps/old", _ALL, ""),
    "delete by body in YAML": Case("DELETE configmaps/old", "configmaps/old", "dryRun: [All]", _YAML, is_known=False),
    "delete with another body": Case("DELETE configmaps/old?dryRun=All", "configmaps/old", "{}"),
    "delete with a null": Case("DELETE configmaps/old?dryRun=All", "configmaps/old", '{"dryRun": null}'),
    "delete with another case": Case("DELETE configmaps/old", "configmaps/old", '{"DryRun": ["All"]}'),
    "delete with a key twice": Case(
        "DELETE configmaps/old?dryRun=All", "configmaps/old", '{"dryRun": ["All"], "dryRun": []}'
    ),
    "delete all": Case("DELETE configmaps?dryRun=All&labelSelector=own", "configmaps/old", content_type=""),
    "delete all by body": Case("DELETE configmaps?labelSelector=own", "configmaps/old", _ALL),
    "delete all with another body": Case("DELETE configmaps?dryRun=All&labelSelector=own", "configmaps/old", "{}"),
    "evict": Case("POST pods/old/eviction?dryRun=All", "pods/old", '{"metadata": {"name": "old"}}'),
    "evict for real": Case("POST pods/old/eviction", "pods/old", '{"metadata": {"name": "old"}}'),
    "evict by body": Case(
        "POST pods/old/eviction", "pods/old", '{"metadata": {"name": "old"}, "deleteOptions": {"dryRun": ["All"]}}'
    ),
    "bind": Case("POST pods/old/binding?dryRun=All", "pods/old", _BINDING, is_known=False),
    "bind for real": Case("POST pods/old/binding", "pods/old", _BINDING),
    "status": Case("PATCH pods/old/status?dryRun=All", "pods/old", '{"status": {"message": "new"}}', _MERGE),
    "scale": Case("PATCH replicationcontrollers/old/scale?dryRun=All", "replicationcontrollers/old", _REPLICAS, _MERGE),
    "scale for real": Case("PATCH replicationcontrollers/old/scale", "replicationcontrollers/old", _REPLICAS, _MERGE),
    "debug": Case("PATCH pods/old/ephemeralcontainers?dryRun=All", "pods/old", _DEBUGGER, _STRATEGIC),
    "debug for real": Case("PATCH pods/old/ephemeralcontainers", "pods/old", _DEBUGGER, _STRATEGIC),
    "secret": Case("PATCH secrets/old?dryRun=All", "secrets/old", '{"stringData": {"a": "new"}}', _MERGE),
    "namespace": Case("DELETE ?dryRun=All", "", content_type=""),
    "namespace by body": Case("DELETE ", "", _ALL),
}  # fmt: skip


@pytest.fixture
def objects(cluster: ControlPlane, namespace: str) -> str:
    """The path of a namespace with an object of each kind. Nobody schedules its pod."""
    path = f"/api/v1/namespaces/{namespace}"
    metadata = {"metadata": {"name": "old", "labels": {"own": ""}}}
    containers = {"containers": [{"name": "c", "image": "i"}]}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": containers}
    cluster.api.create(f"{path}/configmaps", {**metadata, "data": {"a": "old"}})
    cluster.api.create(f"{path}/secrets", {**metadata, "stringData": {"a": "old"}})
    cluster.api.create(f"{path}/pods", {**metadata, "spec": {**containers, "schedulerName": "none"}})
    cluster.api.create(
        f"{path}/replicationcontrollers",
        {**metadata, "spec": {"replicas": 0, "selector": {"app": "x"}, "template": template}},
    )
    return path


async def _settled(cluster: ControlPlane, path: str) -> None:
    """Waits until the controller has seen the new object, so that it is only the request that changes it."""
    watched = f"{path}/replicationcontrollers/old"
    await wait_until(lambda: "observedGeneration" in cluster.api.get(watched)["status"], timeout_s=_READY_TIMEOUT_S)


def _state(cluster: ControlPlane, path: str) -> Any:
    """What distinguishes an object from an older one; None if it is not there."""
    answer = cluster.api.send("GET", path)
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    found = answer.raise_for_status().json()
    metadata = found["metadata"]
    return metadata["uid"], metadata.get("deletionTimestamp"), metadata["resourceVersion"]


def _judge(case: Case, path: str) -> Judgement:
    method, _, relative = case.request.partition(" ")
    target, _, text = f"{path}/{relative}".partition("?")
    query = [(name, value) for name, _, value in (pair.partition("=") for pair in text.split("&") if text)]
    info = request_info.resolve(method, target.rstrip("/"), query)
    return effects.judge(info, method=method, query=query, body=case.body.encode(), content_type=case.content_type)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_dry_run_is_what_the_server_takes_for_one(cluster: ControlPlane, objects: str, case: Case) -> None:
    await _settled(cluster, objects)
    method, _, relative = case.request.partition(" ")
    watched = f"{objects}/{case.watched}".rstrip("/")
    before = _state(cluster, watched)

    target = f"{objects}/{relative}".replace("/?", "?").rstrip("/")
    answer = cluster.api.send(method, target, body=case.body.encode(), content_type=case.content_type)

    assert answer.is_success, answer.text
    is_changed = _state(cluster, watched) != before
    judgement = _judge(case, objects)
    assert not (is_changed and judgement.is_dry_run)
    assert judgement.is_change or not is_changed
    if case.is_known:
        assert judgement.is_dry_run is not is_changed


def test_dry_run_of_a_token_request_makes_a_token(cluster: ControlPlane, objects: str) -> None:
    cluster.api.create(f"{objects}/serviceaccounts", {"metadata": {"name": "own"}})
    case = Case("POST serviceaccounts/own/token?dryRun=All", "", "{}")

    answer = cluster.api.send("POST", f"{objects}/serviceaccounts/own/token?dryRun=All", body=b"{}", content_type=_JSON)

    assert answer.is_success, answer.text
    assert answer.json()["status"]["token"]
    assert not _judge(case, objects).is_dry_run


@pytest.fixture
def custom_resource(cluster: ControlPlane) -> Iterator[str]:
    """The path of a custom resource, which the API server serves itself."""
    plural = f"w{uuid.uuid4().hex[:8]}"
    definition = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{_GROUP}"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    cluster.api.create(
        definition.rpartition("/")[0],
        {
            "metadata": {"name": f"{plural}.{_GROUP}"},
            "spec": {
                "group": _GROUP,
                "scope": "Cluster",
                "names": {"plural": plural, "kind": plural.title()},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
            },
        },
    )
    yield f"/apis/{_GROUP}/v1/{plural}"
    cluster.api.send("DELETE", definition)


async def test_custom_resources_have_dry_runs_as_their_api_service_tells(
    cluster: ControlPlane, custom_resource: str
) -> None:
    await wait_until(lambda: cluster.api.has(custom_resource), timeout_s=_READY_TIMEOUT_S)
    query = [("dryRun", "All")]
    info = request_info.resolve("POST", custom_resource, query)
    asked = dry_run.undecided_by(info, method="POST", query=query, body=b"", content_type=_JSON)
    await wait_until(lambda: cluster.api.has(asked), timeout_s=_READY_TIMEOUT_S)

    kind = custom_resource.rpartition("/")[2].title()
    body = json.dumps({"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": {"name": "a"}}).encode()
    answer = cluster.api.send("POST", f"{custom_resource}?dryRun=All", body=body, content_type=_JSON)

    assert answer.is_success, answer.text
    assert _state(cluster, f"{custom_resource}/a") is None
    assert dry_run.is_served_locally(cluster.api.send("GET", asked).content)


def _aggregated(cluster: ControlPlane) -> list[bytes]:
    return [cluster.api.send("GET", path, accept=_AGGREGATED).content for path in ("/api", "/apis")]


def _plain(cluster: ControlPlane) -> list[bytes]:
    """The documents that a client asks for which does not know aggregated discovery."""
    groups = cluster.api.get("/apis")["groups"]
    versions = [version["groupVersion"] for group in groups for version in group["versions"]]
    return [cluster.api.send("GET", path).content for path in ("/api/v1", *(f"/apis/{each}" for each in versions))]


def test_both_forms_of_discovery_say_the_same(cluster: ControlPlane) -> None:
    aggregated = [discovery.parse(document) for document in _aggregated(cluster)]
    plain = [discovery.parse(document) for document in _plain(cluster)]

    assert {word for each in aggregated for word in each.words} == {word for each in plain for word in each.words}
    resources = {key: found for each in aggregated for key, found in each.resources.items()}
    assert resources == {key: found for each in plain for key, found in each.resources.items()}
    assert resources["apps", "v1", "deployments"] == discovery.Resource("Deployment", is_namespaced=True)


def _own_resources(cluster: ControlPlane) -> list[tuple[str, dict[str, Any]]]:
    """Each resource that the API server itself brings, after its group."""
    foreign = {
        each["spec"]["group"]
        for each in cluster.api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
    }
    groups = [group for document in _aggregated(cluster) for group in json.loads(document)["items"]]
    return [
        (group["metadata"].get("name", ""), resource)
        for group in groups
        if group["metadata"].get("name", "") not in foreign
        for version in group["versions"]
        for resource in version["resources"]
    ]


def test_groups_of_kubernetes_are_known(cluster: ControlPlane) -> None:
    assert {group for group, _ in _own_resources(cluster)} <= kinds.OWN_GROUPS


def test_subresources_that_can_be_written_are_known_or_refused_in_strict(cluster: ControlPlane) -> None:
    writable = {
        (group, resource["resource"], each["subresource"])
        for group, resource in _own_resources(cluster)
        for each in resource.get("subresources", ())
        if set(each["verbs"]) - {"get"} and each["subresource"] not in kinds.READABLE_SUBRESOURCES
    }

    refused = {kinds.TOKEN_REQUEST, kinds.APPROVAL, ("", "namespaces", "finalize")}
    assert writable == kinds.KNOWN_SUBRESOURCES | refused


def test_what_can_only_be_created_is_a_review(cluster: ControlPlane) -> None:
    only_created = {
        (group, resource["resource"]) for group, resource in _own_resources(cluster) if resource["verbs"] == ["create"]
    }

    assert only_created == kinds.REVIEWS | {("", "bindings")}
