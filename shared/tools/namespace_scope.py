"""Tells which namespaces a command touches, by its words and manifests. The namespace fence checks these.

A tool defines the scope of the verbs that it knows. The scope of other verbs is unknown, and a fence refuses them.
"""

from dataclasses import dataclass

from shared.command.reading import Reading
from shared.errors import shown


@dataclass(frozen=True, slots=True)
class NamespaceScope:
    """The namespaces that a command touches, without those that its request and kubeconfig add."""

    beyond: str = ""
    """Why the command reaches beyond a namespace, or may do so; empty if it does not."""
    named: tuple[str, ...] = ()
    """Namespaces that the command's words or manifests name, besides its namespace flag."""
    in_own: bool = True
    """Whether the command acts in the namespace of its flag, its request or its kubeconfig."""
    by_chart: bool = False
    """Whether a chart's templates decide the namespaces of its objects."""


NOWHERE = NamespaceScope(in_own=False)
"""The scope of a command that touches no object of a namespace."""
ALL_NAMESPACES = "all-namespaces"
EVERY_NAMESPACE = NamespaceScope(beyond="`--all-namespaces` reaches every namespace")


def untold(reading: Reading) -> NamespaceScope:
    """Returns the scope of a tool or verb whose namespaces are unknown."""
    return NamespaceScope(beyond=f"which namespaces `{shown(reading.path)}` touches cannot be known beforehand")
