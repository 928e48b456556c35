"""Finds the namespaces that a command touches, and whether it may reach beyond them."""

import re
from dataclasses import dataclass

from shared.command.invocation import Invocation
from shared.command.reading import Reading
from shared.tools.tool import Tool

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A label of RFC 1123: Kubernetes accepts no other names of namespaces."""


@dataclass(frozen=True, slots=True)
class TouchedNamespaces:
    """The namespaces that a command touches. Both fields are empty if it touches none."""

    namespaces: tuple[str, ...] = ()
    beyond: str = ""
    """Why the command acts outside these namespaces, or may do so; empty if it does not."""


def of(
    tool: Tool, invocation: Invocation, reading: Reading, *, kubeconfig_namespace: str | None, trusts_charts: bool
) -> TouchedNamespaces:
    """Returns the namespaces. `reading` includes the manifests. The default namespace is `kubeconfig_namespace`."""
    if not invocation.needs_cluster:
        return TouchedNamespaces()
    if invocation.unknown:
        return TouchedNamespaces(beyond=f"the effect of `{invocation.unknown.shown}` is not known")
    scope = tool.grammar.namespace_scope(reading)
    if scope.beyond:
        return TouchedNamespaces(beyond=scope.beyond)
    if scope.by_chart and not trusts_charts:
        return TouchedNamespaces(beyond="a chart's templates may name any namespace")
    own = (invocation.namespace or kubeconfig_namespace or "",) if scope.in_own else ()
    namespaces = tuple(dict.fromkeys((*scope.named, *own)))
    if not all(map(_LABEL.fullmatch, namespaces)):
        return TouchedNamespaces(beyond="its namespace is missing or not valid")
    return TouchedNamespaces(namespaces)
