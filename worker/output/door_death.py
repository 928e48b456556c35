"""What a caller reads if the door died under a command: what happened, in a caller's words, and the next step."""

from collections.abc import Sequence

_DIED = "because the part of its worker through which it reached its API server died"
ENDED = f"the command was ended, {_DIED}"
NOT_STARTED = f"the command was not started, {_DIED}"
NO_CHANGE_SENT = (
    "The command had sent no change to its API server: send it again. If no other worker has its tool, this "
    "one may take some seconds to restart."
)
CHANGES_LEFT = (
    "Look at `changes`: those that are `done` were acknowledged, those that are `on_its_way` may have happened. "
    "Compare them with the cluster, and send the command again if it does no harm to repeat them."
)


def is_reason(reason: str) -> bool:
    """Returns whether a command was ended for this reason, perhaps beside others."""
    return ENDED in reason


def hint(account: Sequence[str]) -> str:
    """Returns the next step for a command that was ended. `account` says which changes it may have made."""
    return CHANGES_LEFT if account else NO_CHANGE_SENT
