"""Changes: what a command changes in its cluster, as its worker's door sees it in the command's requests.

A change becomes an event of the job before its request is forwarded, and a second event when its outcome is known.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

MOST_IN_RESPONSE = 50
"""Most changes that a response contains. The others can be read page by page."""


class ChangeState(StrEnum):
    """What is known about a change."""

    ON_ITS_WAY = "on_its_way"
    """The request may have been forwarded, and no answer is known. The change may have happened."""
    DONE = "done"
    FAILED = "failed"
    """The API server has answered with an error."""
    REFUSED = "refused"
    """The request was not forwarded."""


class Change(BaseModel):
    """One request of a command that changes something."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    number: int
    """Counts the changes of one attempt from 1. Two events with the same number tell of the same change."""
    verb: str
    """The verb as Kubernetes authorizes it (`create`, `patch`, `deletecollection`, …), or the subresource of a
    connection (`exec`, `portforward`)."""
    group: str
    resource: str
    """The plural, with its subresource if there is one: `deployments/scale`. A path if it is no resource."""
    kind: str
    """The kind of `resource`; empty if discovery does not name it."""
    namespace: str
    name: str
    """Empty for a collection, and while the server has not told the name that it chose."""
    state: ChangeState = ChangeState.ON_ITS_WAY
    status: int | None = None
    """The HTTP status of the answer."""
