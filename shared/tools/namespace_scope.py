"""Which namespaces a command touches, as far as its words and manifests tell: what a fence is judged by.

A tool says so for the verbs whose reach it knows; of anything else nobody can tell, and a fence refuses it.
"""

from dataclasses import dataclass

from shared.command.reading import Reading
from shared.errors import shown


@dataclass(frozen=True, slots=True)
class NamespaceScope:
    """What a command touches, beside what its request and kubeconfig add."""

    beyond: str = ""
    """Why it reaches beyond a namespace, or may; empty where it does not."""
    named: tuple[str, ...] = ()
    """Namespaces that its words or manifests name, besides its namespace flag."""
    in_own: bool = True
    """Whether it acts in the namespace of its flag, its request or its kubeconfig."""
    by_chart: bool = False
    """Whether a chart's templates say where its objects are."""


NOWHERE = NamespaceScope(in_own=False)
"""It looks at no object of a namespace."""
ALL_NAMESPACES = "all-namespaces"
EVERY_NAMESPACE = NamespaceScope(beyond="`--all-namespaces` reaches every one")


def untold(reading: Reading) -> NamespaceScope:
    """For a tool or verb of which nobody here knows it."""
    return NamespaceScope(beyond=f"which namespaces `{shown(reading.path)}` touches cannot be told beforehand")
