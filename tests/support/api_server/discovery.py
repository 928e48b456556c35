"""What clients ask before they ask: version, discovery (aggregated and one by one), and a minimal OpenAPI.

The OpenAPI says only that writes take `dryRun` and `fieldValidation`: enough for kubectl and helm to leave
validation to the server. There are no schemas, so `kubectl explain` has nothing to say.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.api_server import resources
from tests.support.api_server.resources import ResourceType

VERSION = {
    "major": "1",
    "minor": "37",
    "gitVersion": "v1.37.1",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.27",
    "compiler": "gc",
    "platform": "linux/amd64",
}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

_WRITE_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]


def routes() -> list[Route]:
    return [
        Route("/version", _version),
        Route("/api", _core_versions),
        Route("/apis", _group_list),
        Route("/apis/{group}", _group),
        Route("/api/{version}", _resource_list),
        Route("/apis/{group}/{version}", _resource_list),
        Route("/openapi/v3", _openapi_index),
        Route("/openapi/v3/{root:path}", _openapi),
    ]


async def _version(_: Request) -> Response:
    return JSONResponse(VERSION)


async def _core_versions(request: Request) -> Response:
    if _wants_aggregated(request):
        return _aggregated([""])
    return JSONResponse({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})


async def _group_list(request: Request) -> Response:
    if _wants_aggregated(request):
        return _aggregated(_named_groups())
    groups = [_group_entry(group) for group in _named_groups()]
    return JSONResponse({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})


async def _group(request: Request) -> Response:
    group = request.path_params["group"]
    if group not in _named_groups():
        return Response(status_code=404)
    return JSONResponse({"kind": "APIGroup", "apiVersion": "v1", **_group_entry(group)})


async def _resource_list(request: Request) -> Response:
    members = _members(request.url.path.strip("/"))
    if not members:
        return Response(status_code=404)
    entries = [entry for resource in members for entry in _resource_entries(resource)]
    group_version = members[0].group_version
    return JSONResponse(
        {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}
    )


async def _openapi_index(_: Request) -> Response:
    roots = sorted({resource.root for resource in resources.ALL})
    return JSONResponse({"paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}?hash=1"} for root in roots}})


async def _openapi(request: Request) -> Response:
    members = _members(request.path_params["root"])
    if not members:
        return Response(status_code=404)
    return JSONResponse(
        {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
            "paths": {_item_path(resource): _operations(resource) for resource in members},
            "components": {"schemas": {}},
        }
    )


def _wants_aggregated(request: Request) -> bool:
    return AGGREGATED in request.headers.get("accept", "").replace(" ", "")


def _aggregated(groups: list[str]) -> Response:
    items = [
        {"metadata": {"name": group}, "versions": [{"version": "v1", "resources": _aggregated_resources(group)}]}
        for group in groups
    ]
    document = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }
    return JSONResponse(document, media_type=AGGREGATED)


def _aggregated_resources(group: str) -> list[dict[str, Any]]:
    return [
        {
            "resource": resource.plural,
            "responseKind": _group_version_kind(resource),
            "scope": "Namespaced" if resource.is_namespaced else "Cluster",
            "singularResource": resource.kind.lower(),
            "verbs": resource.verbs,
            "shortNames": resource.short_names,
            "categories": resource.categories,
            "subresources": [
                {"subresource": name, "responseKind": _group_version_kind(resource), "verbs": ["get"]}
                for name in resource.subresources
            ],
        }
        for resource in resources.ALL
        if resource.group == group
    ]


def _named_groups() -> list[str]:
    return sorted({resource.group for resource in resources.ALL} - {""})


def _group_entry(group: str) -> dict[str, Any]:
    version = {"groupVersion": f"{group}/v1", "version": "v1"}
    return {"name": group, "versions": [version], "preferredVersion": version}


def _members(root: str) -> list[ResourceType]:
    return [resource for resource in resources.ALL if resource.root == root]


def _resource_entries(resource: ResourceType) -> list[dict[str, Any]]:
    entry = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.is_namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
        "shortNames": resource.short_names,
        "categories": resource.categories,
    }
    parts = [
        {
            **entry,
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "verbs": ["get"],
            "shortNames": [],
            "categories": [],
        }
        for name in resource.subresources
    ]
    return [entry, *parts]


def _item_path(resource: ResourceType) -> str:
    namespace = "namespaces/{namespace}/" if resource.is_namespaced else ""
    return f"/{resource.root}/{namespace}{resource.plural}/{{name}}"


def _operations(resource: ResourceType) -> dict[str, Any]:
    return {
        verb: {
            "parameters": _WRITE_PARAMETERS,
            "responses": {},
            "x-kubernetes-action": verb,
            "x-kubernetes-group-version-kind": _group_version_kind(resource),
        }
        for verb in ("patch", "put")
    }


def _group_version_kind(resource: ResourceType) -> dict[str, str]:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}
