"""Which shape a command's output has that must be masked before anybody sees it.

The gateway decides it from the parsed command, seals it with the request, and a worker does it. With any of them, what
error messages repeat of Secrets is masked on standard error too.
"""

from enum import StrEnum


class Masking(StrEnum):
    """What the tool's own process prints on standard output."""

    OBJECTS = "objects"
    """Objects of a cluster, as JSON or YAML."""
    DIFFERENCE = "difference"
    """A unified diff of such objects, values of Secrets masked by kubectl, their last applied configuration not."""
    MANIFESTS = "manifests"
    """YAML documents that a chart has rendered."""
    VALUES = "values"
    """A chart's values, as JSON or YAML, perhaps below a heading."""
    RELEASE = "release"
    """What helm says of a release to people: perhaps with sections of values, hooks and manifests."""
    RELEASE_OBJECT = "release-object"
    """A release as JSON or YAML."""
    MESSAGES = "messages"
    """Lines for people, with error messages at most."""
