"""Tells which namespaces a kubectl command touches.

A kind counts as namespaced only if its name cannot mean another kind: Kubernetes' own kinds by any name, custom kinds
only with their group, because another group may use the same word for a cluster-scoped kind.
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
"""Kubernetes' own API groups."""
_CUSTOM_GROUPS = frozenset(
    (
        *("argoproj.io", "gateway.networking.k8s.io", "extensions.istio.io", "networking.istio.io"),
        *("security.istio.io", "telemetry.istio.io"),
    )
)
_BUILT_IN = kinds.NAMESPACED - kinds.CUSTOM_NAMESPACED
_NOWHERE = frozenset({"api-resources", "api-versions", "auth can-i", "auth whoami", "explain", "version"})
_WHOLE_NAMESPACE = frozenset({"events"})
"""Verbs that name no kind and read one namespace."""
_READS_OF_NAMED_KINDS = frozenset({"describe", "get", "logs", "rollout history", "rollout status", "wait"})
_EVADING_FLAGS = {
    "raw": "an API path may reach any namespace",
    "kustomize": "the objects of a kustomization are unknown; send the output of `kustomize DIR` with `-f -`",
    "prune": "it may prune objects in any namespace",
    "applyset": "an apply set may be in any namespace",
    "overrides": "`--overrides` may change the object's namespace; send a manifest with `-f -`",
}


def of(reading: Reading) -> NamespaceScope:
    """Returns the scope of a command, judged by its flags, the kinds that it names, and its manifests."""
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
    """Returns `UNSEEN` or `SEVERAL` if the command may act on kinds that it does not name."""
    written = _written(reading)
    by_verb = reading.path in ("cluster-info", "cluster-info dump")
    if by_verb or reading.has(*_EVADING_FLAGS) or not kinds.CATEGORIES.isdisjoint(map(kinds.plural, written)):
        return (UNSEEN,)
    return (SEVERAL,) if any(map(kinds.may_be_several, written)) else ()


def looked_up(reading: Reading) -> tuple[str, ...] | None:
    """Returns the kinds that a reading command looks up, as it spells them, or None if it may look up others too."""
    written = tuple(name.lower() for name in _written(reading))
    is_named = bool(written) and not reading.has("filename", *_EVADING_FLAGS) and kinds.CATEGORIES.isdisjoint(written)
    return written if is_named and reading.path in _READS_OF_NAMED_KINDS else None


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
        return f"`{kind}` may include cluster-scoped kinds: name the kinds"
    if kind in kinds.CUSTOM_NAMESPACED:
        return f"`{kind}` may be a cluster-scoped kind: name it with its group (`{kind}.GROUP`)"
    return f"`{shown(kind)}` is cluster-scoped, or not known to be namespaced"


def _why_object(each: ManifestObject) -> str:
    if each.kind == UNSEEN:
        return "a manifest that cannot be read beforehand may name any namespace"
    return f"the manifests contain `{shown(each.kind)}`, which is cluster-scoped, or not known to be namespaced"
