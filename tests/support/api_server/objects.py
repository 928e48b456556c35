"""The requests for stored objects: list, watch, get, create, update, patch, delete."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.support.api_server import bodies, patches, selectors, statuses, tables
from tests.support.api_server.resources import SECRETS, KubeObject, ResourceType
from tests.support.api_server.selectors import Selection
from tests.support.api_server.store import STALLING_PREFIX, Address, Event, Store
from tests.support.api_server.waiting import Stalls, client_left, until_first

FORBIDDEN_NAMESPACE = "forbidden"
"""Every request in this namespace is denied with 403, and `auth can-i` answers no."""


@dataclass(frozen=True, slots=True)
class Objects:
    """The endpoints of one resource type."""

    resource: ResourceType
    store: Store
    stalls: Stalls

    async def collection(self, request: Request) -> Response:
        namespace = await self._admit(request)
        if request.method == "POST":
            return await self._create(request, namespace)
        if request.method != "GET":
            raise statuses.NOT_SUPPORTED
        if request.query_params.get("watch") in {"1", "true"}:
            return self._watch(request, namespace)
        return self._list(request, namespace)

    async def item(self, request: Request) -> Response:
        address = Address(self.resource, await self._admit(request), request.path_params["name"])
        is_dry_run = _is_dry_run(request)
        match request.method:
            case "GET":
                return self._answer(request, self.store.get(address))
            case "PUT":
                item = await self._body(request)
                return JSONResponse(self.store.replace(address, item, is_dry_run=is_dry_run))
            case "PATCH":
                return await self._patch(request, address)
            case "DELETE":
                return JSONResponse(_deleted(address, self.store.delete(address, is_dry_run=is_dry_run)))
            case _:
                raise statuses.NOT_SUPPORTED

    async def _admit(self, request: Request) -> str:
        """The namespace, once the request may go on: read whole, allowed, and no longer stalled."""
        namespace: str = request.path_params.get("namespace", "")
        await request.body()
        if namespace == FORBIDDEN_NAMESPACE:
            raise statuses.forbidden(self.resource, _verb(request), namespace)
        if namespace.startswith(STALLING_PREFIX):
            is_released = await self.stalls.hold(namespace.removeprefix(STALLING_PREFIX), request)
            if not is_released:
                raise statuses.CLIENT_LEFT
        return namespace

    async def _create(self, request: Request, namespace: str) -> Response:
        item = await self._body(request)
        created = self.store.create(self.resource, namespace, item, is_dry_run=_is_dry_run(request))
        return JSONResponse(created, status_code=201)

    async def _patch(self, request: Request, address: Address) -> Response:
        """A server-side apply creates what is missing."""
        content_type = bodies.content_type(request)
        patch = patches.FORMATS.get(content_type)
        if patch is None:
            raise statuses.unsupported_media_type(content_type)
        change = await bodies.read(request)
        try:
            target = self.store.get(address)
        except statuses.ApiError:
            if content_type != bodies.APPLY:
                raise
            created = _stored_form(self.resource, patch({}, change))
            is_dry_run = _is_dry_run(request)
            result = self.store.create(self.resource, address.namespace, created, is_dry_run=is_dry_run)
            return JSONResponse(result, status_code=201)
        patched = _stored_form(self.resource, patch(target, change))
        return JSONResponse(self.store.replace(address, patched, is_dry_run=_is_dry_run(request)))

    async def _body(self, request: Request) -> KubeObject:
        return _stored_form(self.resource, await bodies.read(request))

    def _list(self, request: Request, namespace: str) -> Response:
        selection = _selection(request.query_params)
        items = [item for item in self.store.select(self.resource, namespace) if selection.includes(item)]
        if tables.is_wanted(request):
            return JSONResponse(self._table(request, items))
        metadata = {"resourceVersion": str(self.store.version)}
        kind, version = f"{self.resource.kind}List", self.resource.group_version
        return JSONResponse({"kind": kind, "apiVersion": version, "metadata": metadata, "items": items})

    def _watch(self, request: Request, namespace: str) -> Response:
        query = request.query_params
        if query.get("sendInitialEvents") == "true":
            raise statuses.NO_INITIAL_EVENTS
        version = query.get("resourceVersion", "")
        lines = self._changes(request, namespace, int(version) if version.isdecimal() else 0)
        return StreamingResponse(lines, media_type="application/json")

    async def _changes(self, request: Request, namespace: str, version: int) -> AsyncIterator[bytes]:
        """One line a change after `version`, until the client leaves. Version 0 is the beginning."""
        selection = _selection(request.query_params)
        while True:
            events = self.store.since(version)
            version += len(events)
            for event in events:
                if self._concerns(event, namespace) and selection.includes(event.item):
                    item = self._table(request, [event.item]) if tables.is_wanted(request) else event.item
                    yield json.dumps({"type": event.change, "object": item}).encode() + b"\n"
            await until_first(self.store.changes.at_least(version + 1), client_left(request))
            if self.store.version == version:
                return

    def _concerns(self, event: Event, namespace: str) -> bool:
        return event.resource == self.resource and namespace in {"", event.item["metadata"].get("namespace")}

    def _answer(self, request: Request, item: KubeObject) -> Response:
        return JSONResponse(self._table(request, [item]) if tables.is_wanted(request) else item)

    def _table(self, request: Request, items: list[KubeObject]) -> dict[str, Any]:
        with_objects = request.query_params.get("includeObject") == "Object"
        return tables.table(self.resource, items, version=self.store.version, with_objects=with_objects)


def _selection(query: Mapping[str, str]) -> Selection:
    return Selection(
        labels=selectors.parse(query.get("labelSelector", "")), fields=selectors.parse(query.get("fieldSelector", ""))
    )


def _verb(request: Request) -> str:
    """The API's word for what the request does."""
    if request.method == "GET":
        return "get" if "name" in request.path_params else "list"
    return {"POST": "create", "PUT": "update"}.get(request.method, request.method.lower())


def _is_dry_run(request: Request) -> bool:
    return request.query_params.get("dryRun") == "All"


def _stored_form(resource: ResourceType, item: KubeObject) -> KubeObject:
    """A secret has a type, and its `stringData` is for writing only."""
    if resource != SECRETS:
        return item
    stored = {"type": "Opaque", **item}
    written: dict[str, str] = stored.pop("stringData", None) or {}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in written.items()}
    return {**stored, "data": {**(stored.get("data") or {}), **encoded}}


def _deleted(address: Address, item: KubeObject) -> KubeObject:
    details = {
        "name": address.name,
        "group": address.resource.group,
        "kind": address.resource.plural,
        "uid": item["metadata"]["uid"],
    }
    return statuses.success(details)
