"""Where a command acts: the namespaces that it touches, and whether that is all of it."""

import re
from dataclasses import dataclass

from shared.command.invocation import Invocation
from shared.command.reading import Reading
from shared.tools.tool import Tool

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123, as Kubernetes wants namespaces to be named."""


@dataclass(frozen=True, slots=True)
class TouchedNamespaces:
    """Both empty where it touches no namespace at all."""

    namespaces: tuple[str, ...] = ()
    beyond: str = ""
    """Why it reaches further, or may; empty where it does not."""


def of(
    tool: Tool, invocation: Invocation, reading: Reading, *, kubeconfig_namespace: str | None, trusts_charts: bool
) -> TouchedNamespaces:
    """`reading` has the manifests' objects. The kubeconfig's namespace is where a command acts that names none."""
    if not invocation.needs_cluster:
        return TouchedNamespaces()
    if invocation.unknown:
        return TouchedNamespaces(beyond=f"what `{invocation.unknown.shown}` does is not known here")
    scope = tool.grammar.namespace_scope(reading)
    if scope.beyond:
        return TouchedNamespaces(beyond=scope.beyond)
    if scope.by_chart and not trusts_charts:
        return TouchedNamespaces(beyond="a chart's templates may name any namespace")
    own = (invocation.namespace or kubeconfig_namespace or "",) if scope.in_own else ()
    namespaces = tuple(dict.fromkeys((*scope.named, *own)))
    if not all(map(_LABEL.fullmatch, namespaces)):
        return TouchedNamespaces(beyond="it names no namespace, or something that is none")
    return TouchedNamespaces(namespaces)
