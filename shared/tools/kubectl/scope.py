"""Which namespaces a kubectl command touches.

A kind counts as one that lies in a namespace only where its name can mean no other: Kubernetes' own kinds by any name,
further ones with their group, for the same word may be a kind of no namespace in another group.
"""

import re
from collections.abc import Iterator

from shared.command.reading import SEVERAL, UNSEEN, ManifestObject, Reading
from shared.errors import shown
from shared.tools.kubectl import kinds
from shared.tools.namespace_scope import ALL_NAMESPACES, EVERY_NAMESPACE, NOWHERE, NamespaceScope, untold

_VERSION = re.compile(r"^v\d+((alpha|beta)\d+)?(\.|$)")
_GROUPS = frozenset(
    (
        *("", "apps", "autoscaling", "batch", "events.k8s.io", "metrics.k8s.io", "networking.k8s.io", "policy"),
        *("authorization.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "rbac.authorization.k8s.io"),
        *("resource.k8s.io", "storage.k8s.io"),
    )
)
"""Kubernetes' own."""
_CUSTOM_GROUPS = frozenset(
    (
        *("argoproj.io", "gateway.networking.k8s.io", "extensions.istio.io", "networking.istio.io"),
        *("security.istio.io", "telemetry.istio.io"),
    )
)
_BUILT_IN = kinds.NAMESPACED - kinds.CUSTOM_NAMESPACED
_NOWHERE = frozenset({"api-resources", "api-versions", "auth can-i", "auth whoami", "explain", "version"})
_WHOLE_NAMESPACE = frozenset({"events"})
"""Verbs that name no kind, and look at one namespace."""
_EVADING_FLAGS = {
    "raw": "a path of the API may lead anywhere",
    "kustomize": "what a kustomization renders is not known beforehand; send what `kustomize DIR` prints with `-f -`",
    "prune": "what it prunes may lie in any namespace",
    "applyset": "an apply set may lie in any namespace",
    "overrides": "`--overrides` may change where the object lies; send a manifest with `-f -`",
}


def of(reading: Reading) -> NamespaceScope:
    """By its flags, the kinds that it names, and its manifests."""
    if reading.path in _NOWHERE:
        return NOWHERE
    if reading.has(ALL_NAMESPACES):
        return EVERY_NAMESPACE
    written = _written(reading)
    if beyond := next(_beyond(reading, written), None):
        return NamespaceScope(beyond=beyond)
    if not written and not reading.objects and reading.path not in _WHOLE_NAMESPACE:
        return untold(reading)
    named = [name for each in reading.objects for name in each.namespaces]
    in_own = not reading.objects or bool(written) or "" in named
    return NamespaceScope(named=tuple(dict.fromkeys(filter(None, named))), in_own=in_own)


def hidden_kinds(reading: Reading) -> tuple[str, ...]:
    """What it may act on beside the kinds that it names."""
    written = _written(reading)
    by_verb = reading.path in ("cluster-info", "cluster-info dump")
    if by_verb or reading.has(*_EVADING_FLAGS) or not kinds.CATEGORIES.isdisjoint(map(kinds.plural, written)):
        return (UNSEEN,)
    return (SEVERAL,) if any(map(kinds.may_be_several, written)) else ()


def _written(reading: Reading) -> list[str]:
    return [name for name in kinds.written(reading) if name]


def _beyond(reading: Reading, written: list[str]) -> Iterator[str]:
    yield from (why for flag, why in _EVADING_FLAGS.items() if reading.has(flag))
    for name in written:
        bare, _, rest = name.lower().partition(".")
        if not _is_namespaced(kinds.plural(bare), _VERSION.sub("", rest)):
            yield _why_kind(kinds.plural(bare))
    for each in reading.objects:
        if not _is_namespaced(each.kind, each.group):
            yield _why_object(each)


def _is_namespaced(kind: str, group: str) -> bool:
    if kind in kinds.CUSTOM_NAMESPACED:
        return group in _CUSTOM_GROUPS
    return kind in _BUILT_IN and group in _GROUPS


def _why_kind(kind: str) -> str:
    if kind in kinds.CATEGORIES:
        return f"`{kind}` may hold kinds of no namespace: name the kinds"
    if kind in kinds.CUSTOM_NAMESPACED:
        return f"`{kind}` may be a kind of no namespace: name it with its group (`{kind}.GROUP`)"
    return f"`{shown(kind)}` lie in no namespace, or are not known to"


def _why_object(each: ManifestObject) -> str:
    if each.kind == UNSEEN:
        return "a manifest that cannot be read beforehand may name any"
    return f"the manifests hold `{shown(each.kind)}`, which lie in no namespace, or are not known to"
