"""What a worker masks in the output of a command that has read true values of Secrets.

The gateway chooses it by the parsed command and seals it with the request. Any other command has read only what the
worker's door had masked before.
"""

from enum import StrEnum


class Masking(StrEnum):
    """What is masked in the tool's output."""

    RELEASE_OBJECT = "release-object"
    """On standard output a release of helm as JSON or YAML; on standard error what `MESSAGES` says."""
    MESSAGES = "messages"
    """Values of Secrets that error messages on standard error quote."""
