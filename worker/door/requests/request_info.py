"""Reads what Kubernetes calls the RequestInfo of a request: verb, group, version, resource, namespace and name.

It follows `pkg/endpoints/request/requestinfo.go` of k8s.io/apiserver 1.37, so that the door judges a request as the
API server authorizes it. It expects a path without empty, `.` and `..` segments, and refuses none itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.door.requests import list_options

Query = Sequence[tuple[str, str]]
"""Names and values of a query, decoded, in their order."""

_API_PREFIXES = frozenset({"api", "apis"})
_PREFIX_WITHOUT_GROUP = "api"
_VERBS_IN_PATHS = frozenset({"proxy", "watch"})
_VERB_WITHOUT_SUBRESOURCES = "proxy"
_NAMESPACES = "namespaces"
_SUBRESOURCES_OF_NAMESPACES = frozenset({"status", "finalize"})
_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_LEAST_PARTS_OF_RESOURCE = 3
"""`api`, a version and a resource. A path with a group has one more."""


class UnreadableRequestError(Exception):
    """The API server answers such a request with an error before it judges anything."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What a request asks for. `verb` is the HTTP method in lower case unless `is_resource`."""

    is_resource: bool
    path: str
    verb: str
    api_prefix: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    parts: tuple[str, ...] = ()
    """The path from the resource on: resource, name, subresource and what follows them."""

    @property
    def reaches_cluster(self) -> bool:
        """Whether the request is about more than the contents of one namespace. A Namespace itself is cluster-wide."""
        return not self.is_resource or not self.namespace or self.resource == _NAMESPACES


def resolve(method: str, path: str, query: Query) -> RequestInfo:
    """Returns what the request asks for. `path` is decoded. Raises `UnreadableRequestError`."""
    trimmed = path.strip("/")
    parts = trimmed.split("/") if trimmed else []
    prefix = parts[0] if parts else ""
    with_group = prefix != _PREFIX_WITHOUT_GROUP
    if prefix not in _API_PREFIXES or len(parts) < _LEAST_PARTS_OF_RESOURCE + with_group:
        # The prefix and group of a path that is too short are noted by the API server, and judged by nobody.
        return RequestInfo(is_resource=False, path=path, verb=method.lower())
    group = parts[1] if with_group else ""
    version, *rest = parts[1 + with_group :]
    verb, rest = _verb(method, rest)
    namespace, rest = _namespace(rest)
    verb, name = _of_collection(verb, "".join(rest[1:2]), query)
    return RequestInfo(
        is_resource=True,
        path=path,
        verb=verb,
        api_prefix=prefix,
        group=group,
        version=version,
        resource=rest[0],
        subresource="".join(rest[2:3]) if verb != _VERB_WITHOUT_SUBRESOURCES else "",
        namespace=namespace,
        name=name,
        parts=tuple(rest),
    )


def _verb(method: str, parts: list[str]) -> tuple[str, list[str]]:
    """Returns the verb of a method, or the one that the path begins with, and the path from there on."""
    if parts[0] not in _VERBS_IN_PATHS:
        return _VERBS.get(method, ""), parts
    if len(parts) == 1:
        raise UnreadableRequestError("its path names a verb and no resource")
    return parts[0], parts[1:]


def _namespace(parts: list[str]) -> tuple[str, list[str]]:
    """Returns the namespace, and the path from the resource on: `namespaces` where it is one itself."""
    match parts:
        case [first, namespace, third, *_] if first == _NAMESPACES and third not in _SUBRESOURCES_OF_NAMESPACES:
            return namespace, parts[2:]
        case [first, namespace, *_] if first == _NAMESPACES:
            return namespace, parts
        case _:
            return "", parts


def _of_collection(verb: str, name: str, query: Query) -> tuple[str, str]:
    """Returns verb and name of a request. One without a name is about a collection, or about what its query selects."""
    if name:
        return verb, name
    if verb == "get":
        options = list_options.decode(query)
        return "watch" if options.is_watch else "list", options.name
    return "deletecollection" if verb == "delete" else verb, name
