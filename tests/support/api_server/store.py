"""The objects, in memory, with the rules a client notices: names, versions, conflicts, namespaces, history."""

import copy
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from tests.support.api_server import statuses
from tests.support.api_server.resources import NAMESPACES, KubeObject, ResourceType
from tests.support.api_server.waiting import Tally

STALLING_PREFIX = "stall-"
"""Namespaces that begin so exist without being created; requests in them stall."""


class Change(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch."""

    change: Change
    resource: ResourceType
    item: KubeObject


@dataclass(frozen=True, slots=True)
class Address:
    """Where an object lies. `namespace` is empty for what lies in none."""

    resource: ResourceType
    namespace: str
    name: str


class Store:
    """Every object that goes in or out is a copy. Resource versions number the history."""

    def __init__(self) -> None:
        self._items: dict[Address, KubeObject] = {}
        self._history: list[Event] = []
        self.changes = Tally()

    @property
    def version(self) -> int:
        return self.changes.count

    def since(self, version: int) -> list[Event]:
        return self._history[version:]

    def select(self, resource: ResourceType, namespace: str) -> list[KubeObject]:
        """All namespaces if `namespace` is empty; ordered by namespace and name."""
        found = [
            address for address in self._items if address.resource == resource and namespace in {"", address.namespace}
        ]
        found.sort(key=lambda address: (address.namespace, address.name))
        return [copy.deepcopy(self._items[address]) for address in found]

    def get(self, address: Address) -> KubeObject:
        """Raises ApiError."""
        return copy.deepcopy(self._existing(address))

    def create(self, resource: ResourceType, namespace: str, item: KubeObject, *, is_dry_run: bool) -> KubeObject:
        """Raises ApiError. The name comes from the item."""
        created = copy.deepcopy(item)
        address = Address(resource, namespace, _take_name(created))
        if address in self._items:
            raise statuses.already_exists(resource, address.name)
        if not self._has_namespace(address):
            raise statuses.not_found(NAMESPACES, namespace)
        metadata = created["metadata"]
        metadata["creationTimestamp"] = metadata.get("creationTimestamp") or timestamp(datetime.now(UTC))
        metadata["uid"] = str(uuid.uuid4())
        return self._keep(Change.ADDED, address, created, is_dry_run=is_dry_run)

    def replace(self, address: Address, item: KubeObject, *, is_dry_run: bool) -> KubeObject:
        """Raises ApiError; a conflict if `item` was read before the last change. Equal content changes nothing."""
        existing = self._existing(address)
        replaced = copy.deepcopy(item)
        metadata = replaced.setdefault("metadata", {})
        read_version = metadata.get("resourceVersion") or existing["metadata"]["resourceVersion"]
        if read_version != existing["metadata"]["resourceVersion"]:
            raise statuses.conflict(address.resource, address.name)
        metadata["name"] = address.name
        for kept in ("uid", "creationTimestamp", "resourceVersion"):
            metadata[kept] = existing["metadata"][kept]
        _normalise(address, replaced)
        if replaced == existing:
            return replaced
        return self._keep(Change.MODIFIED, address, replaced, is_dry_run=is_dry_run)

    def delete(self, address: Address, *, is_dry_run: bool) -> KubeObject:
        """Raises ApiError. A namespace takes its objects with it."""
        removed = self._existing(address)
        if not is_dry_run:
            for content in [other for other in self._items if _is_within(other, address)]:
                self._record(Change.DELETED, content.resource, self._items.pop(content))
            self._record(Change.DELETED, address.resource, self._items.pop(address))
        return removed

    def _existing(self, address: Address) -> KubeObject:
        try:
            return self._items[address]
        except KeyError:
            raise statuses.not_found(address.resource, address.name) from None

    def _has_namespace(self, address: Address) -> bool:
        name = address.namespace
        return (
            not address.resource.is_namespaced
            or name.startswith(STALLING_PREFIX)
            or Address(NAMESPACES, "", name) in self._items
        )

    def _keep(self, change: Change, address: Address, item: KubeObject, *, is_dry_run: bool) -> KubeObject:
        _normalise(address, item)
        if not is_dry_run:
            self._items[address] = item
            self._record(change, address.resource, item)
        return copy.deepcopy(item)

    def _record(self, change: Change, resource: ResourceType, item: KubeObject) -> None:
        item["metadata"]["resourceVersion"] = str(self.version + 1)
        self._history.append(Event(change, resource, copy.deepcopy(item)))
        self.changes.add()


def timestamp(moment: datetime) -> str:
    """As the API writes it: UTC, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _take_name(item: KubeObject) -> str:
    metadata = item.setdefault("metadata", {})
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + secrets.token_hex(3)
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise statuses.bad_request("name or generateName is required")
    return name


def _normalise(address: Address, item: KubeObject) -> None:
    """What the server knows better than the client. Field ownership is not kept."""
    item["apiVersion"], item["kind"] = address.resource.group_version, address.resource.kind
    item["metadata"].pop("managedFields", None)
    if address.namespace:
        item["metadata"]["namespace"] = address.namespace


def _is_within(address: Address, container: Address) -> bool:
    return container.resource == NAMESPACES and address.namespace == container.name
