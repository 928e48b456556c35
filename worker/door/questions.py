"""Answers the worker, which asks an API server with a command's credential, and gets reads only."""

from worker.door import forwarding
from worker.door.http import request_target
from worker.door.http.child_connection import Request
from worker.door.http.errors import BadRequestError, ServerError
from worker.door.http.request_head import Head
from worker.door.knowledge import Knowledge
from worker.door.visits.visit import Visit

MOST_ANSWER_BYTES = 4 * 1024 * 1024


async def answer(visit: Visit, path: str, knowledge: Knowledge) -> tuple[int, bytes] | None:
    """Returns status and body of the answer to a GET; None if it is not a read, or has no answer of bounded size."""
    try:
        target = request_target.parse_without_pass(path.encode("ascii"))
        request = Request(Head(method="GET", target=target, host="", headers=()), b"")
        judged = await knowledge.judge(visit, request)
        if judged.refusal or not judged.judgement.is_read or judged.info.verb == "watch":
            return None
        return await forwarding.ask(visit, target, most_bytes=MOST_ANSWER_BYTES)
    except (BadRequestError, ServerError, UnicodeError):
        return None
