"""Rebuilds a caller's kubeconfig from an allow-list of fields. The result has one context and only inline data.

A field that would run a program, read a file or connect elsewhere is refused; the message names the field's path and
what to do. Messages never show any part of a kubeconfig except the names of contexts. Format:
https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shared import documents
from shared.documents import DocumentError, Value
from shared.errors import ErrorCode, RequestError, shown
from shared.kubeconfig.encoding import SELF_CONTAINED, decode
from shared.kubeconfig.fields import CLUSTER, CONTEXT, USER, Kind, Section
from shared.network import endpoints
from shared.network.endpoints import Endpoint

__all__ = ["ClusterAccess", "decode", "rebuild"]

MAX_NAME_CHARACTERS = 1_024
MAX_CREDENTIAL_CHARACTERS = 64 * 1024
"""Longest credential in characters: each is searched for in a command's output. The largest keys in use take 18 KiB."""
SHOWN_NAMES = 20


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """The data with which a command reaches its cluster."""

    kubeconfig: str = field(repr=False)
    """The rebuilt kubeconfig as JSON, which is also valid YAML."""
    context: str
    host: str
    port: int
    namespace: str
    """Namespace of the context."""
    cluster: tuple[str, str] = field(repr=False)
    """Identity of the cluster: the server's address and its certificate authority."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A named entry of one of the three lists. Messages show `path`, which has the entry's index, not its name."""

    name: str
    path: str
    body: Mapping[str, Value]


def rebuild(text: str, *, context: str | None, allow_loopback: bool, proxy_url: str | None = None) -> ClusterAccess:
    """Rebuilds one context of a kubeconfig, by default the current one. Other contexts are not checked.

    `proxy_url` is the worker's proxy through which the cluster is reached, never the caller's.

    Raises `RequestError` with the code KUBECONFIG_INVALID, KUBECONFIG_FIELD_REFUSED or CONTEXT_UNKNOWN.
    """
    document = _document(text)
    chosen = _chosen_context(document, context)
    fields = _taken(chosen, CONTEXT)
    cluster = _named(document, CLUSTER, fields.get("cluster"))
    if cluster is None:
        raise _invalid(f"{chosen.path} names no cluster")
    user = _named(document, USER, fields.get("user"))
    cluster_fields = _taken(cluster, CLUSTER)
    endpoint = _endpoint(cluster, cluster_fields, allow_loopback=allow_loopback)
    proxied = {"proxy-url": proxy_url} if proxy_url else {}
    minimal = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": chosen.name,
        "contexts": [{"name": chosen.name, "context": fields}],
        "clusters": [{"name": cluster.name, "cluster": {**cluster_fields, **proxied}}],
        "users": [{"name": user.name, "user": _taken(user, USER)}] if user else [],
    }
    return ClusterAccess(
        json.dumps(minimal),
        chosen.name,
        endpoint.host,
        endpoint.port,
        namespace=str(fields.get("namespace", "default")),
        cluster=_identity(endpoint, cluster_fields),
    )


def _identity(endpoint: Endpoint, cluster_fields: Mapping[str, Value]) -> tuple[str, str]:
    path = urlsplit(str(cluster_fields["server"])).path.rstrip("/")
    authority = "".join(str(cluster_fields.get("certificate-authority-data", "")).split())
    return f"{endpoint.host}:{endpoint.port}{path}", authority


def _document(text: str) -> Mapping[str, Value]:
    try:
        document = documents.load(text)
    except DocumentError as error:
        raise _invalid(str(error)) from error
    if not isinstance(document, dict) or document.get("kind") not in (None, "Config"):
        raise _invalid("it is not of kind Config")
    if not document.get("clusters"):
        raise _invalid("it has no cluster")
    return document


def _chosen_context(document: Mapping[str, Value], asked: str | None) -> _Entry:
    name = asked or document.get("current-context")
    if not name:
        raise _invalid(f"it has no current-context: name one in the field `context`; {_known_contexts(document)}")
    found = _named(document, CONTEXT, name, must_exist=False)
    if found is None:
        which = "no context of that name" if asked else "not the context that its current-context names"
        raise RequestError(ErrorCode.CONTEXT_UNKNOWN, f"The kubeconfig has {which}; {_known_contexts(document)}.")
    return found


def _known_contexts(document: Mapping[str, Value]) -> str:
    names = [item.get("name") for item in _items(document, CONTEXT) if isinstance(item, dict)]
    told = [shown(name) for name in names if isinstance(name, str)][:SHOWN_NAMES]
    more = f" and {len(names) - len(told)} more" if len(names) > len(told) else ""
    return f"its contexts are: {', '.join(told)}{more}" if told else "it has no contexts"


def _items(document: Mapping[str, Value], section: Section) -> list[Value]:
    items = document.get(section.plural) or []
    if not isinstance(items, list):
        raise _invalid(f"{section.plural} is not a list")
    return items


def _named(document: Mapping[str, Value], section: Section, name: Value, *, must_exist: bool = True) -> _Entry | None:
    """Returns the entry of that name, or None if `name` is empty: an entry that is not named may be missing."""
    if not name:
        return None
    items = _items(document, section)
    matches = [(index, item) for index, item in enumerate(items) if isinstance(item, dict) and item.get("name") == name]
    if not matches:
        if must_exist:
            raise _invalid(f"the context names a {section.singular} that is not in {section.plural}")
        return None
    index, item = matches[0]
    path = f"{section.plural}[{index}]"
    if len(matches) > 1:
        raise _invalid(f"{path} and another entry have the same name")
    body = item.get(section.singular) or {}
    if not isinstance(body, dict):
        raise _invalid(f"{path}.{section.singular} is not a mapping")
    return _Entry(_checked_name(name, path), f"{path}.{section.singular}", body)


def _checked_name(name: Value, path: str) -> str:
    if not isinstance(name, str) or not name.isprintable() or len(name) > MAX_NAME_CHARACTERS:
        raise _invalid(f"{path}.name is not printable text of at most {MAX_NAME_CHARACTERS} characters")
    return name


def _taken(entry: _Entry, section: Section) -> dict[str, Value]:
    """Returns the fields on the allow-list, without empty and dropped ones."""
    given = {name: value for name, value in entry.body.items() if value not in (None, "", False, [])}
    for name in given:
        if name in section.refused:
            raise _refused(f"{entry.path}.{name}", section.refused[name])
        if name not in section.allowed and name not in section.dropped:
            raise _refused(entry.path, "has an unknown field: remove it")
    taken: dict[str, Value] = {name: value for name, value in given.items() if name in section.allowed}
    for name, value in taken.items():
        if section is USER and len(str(value)) > MAX_CREDENTIAL_CHARACTERS:
            raise _invalid(f"{entry.path}.{name} has more than {MAX_CREDENTIAL_CHARACTERS} characters")
        _check_kind(f"{entry.path}.{name}", value, section.allowed[name])
    return taken


def _check_kind(path: str, value: Value, kind: Kind) -> None:
    if kind is Kind.SWITCH:
        if not isinstance(value, bool):
            raise _invalid(f"{path} is neither true nor false")
    elif not isinstance(value, str):
        raise _invalid(f"{path} is not text")
    elif kind is Kind.DATA:
        if not _is_base64(value):
            raise _invalid(f"{path} is not base64")
    elif not value.isprintable():
        raise _invalid(f"{path} contains a control character")


def _is_base64(value: str) -> bool:
    """Ignores line breaks, as Go's decoder does."""
    try:
        base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _endpoint(cluster: _Entry, fields: Mapping[str, Value], *, allow_loopback: bool) -> Endpoint:
    path = f"{cluster.path}.server"
    endpoint = endpoints.parse(str(fields.get("server", "")))
    if endpoint is None:
        raise _invalid(f"{path} is not a URL such as https://host:6443")
    why = endpoints.refusal(endpoint, allow_loopback=allow_loopback)
    if why is not None:
        raise _refused(path, why)
    return endpoint


def _invalid(problem: str) -> RequestError:
    return RequestError(
        ErrorCode.KUBECONFIG_INVALID,
        f"The kubeconfig cannot be used: {problem}. `{SELF_CONTAINED} --context NAME` prints one that can.",
    )


def _refused(path: str, why: str) -> RequestError:
    return RequestError(ErrorCode.KUBECONFIG_FIELD_REFUSED, f"The kubeconfig's {path} {why}.")
