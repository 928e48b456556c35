"""The shapes of output in which a worker masks values of Secrets.

The gateway chooses the shape by the parsed command and seals it with the request; a worker masks the output. With any
shape, values of Secrets in error messages on standard error are also masked.
"""

from enum import StrEnum


class Masking(StrEnum):
    """The shape of the tool's standard output."""

    OBJECTS = "objects"
    """Objects of a cluster, as JSON or YAML."""
    DIFFERENCE = "difference"
    """A unified diff of such objects. kubectl masks values of Secrets, but not in their last applied configuration."""
    MANIFESTS = "manifests"
    """YAML documents that a chart has rendered."""
    VALUES = "values"
    """A chart's values, as JSON or YAML, perhaps below a heading."""
    RELEASE = "release"
    """helm's text about a release, perhaps with sections of values, hooks and manifests."""
    RELEASE_OBJECT = "release-object"
    """A release as JSON or YAML."""
    MESSAGES = "messages"
    """Lines of text that may contain error messages."""
