"""What the door has found out about a request before it forwards it."""

from dataclasses import dataclass

from worker.door.http.child_connection import Request
from worker.door.requests import effects, request_info
from worker.door.requests.effects import Judgement
from worker.door.requests.request_info import RequestInfo


@dataclass(frozen=True, slots=True)
class Judged:
    """A request as Kubernetes authorizes it, and what it does."""

    info: RequestInfo
    judgement: Judgement

    @property
    def is_change(self) -> bool:
        """Whether it is not known to change nothing."""
        return self.judgement.is_change


def judge(request: Request) -> Judged:
    """Judges a request. Raises `UnreadableRequestError`."""
    head = request.head
    info = request_info.resolve(head.method, head.target.path, head.target.query)
    judgement = effects.judge(
        info,
        method=head.method,
        query=head.target.query,
        body=request.body,
        content_type=head.header("content-type"),
    )
    return Judged(info, judgement)
