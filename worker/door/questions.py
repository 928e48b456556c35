"""Answers the worker, which asks an API server with a command's credential, and gets reads only."""

from worker.door import forwarding
from worker.door.http import request_target
from worker.door.http.child_connection import Request
from worker.door.http.errors import BadRequestError, ServerError
from worker.door.http.request_head import Head
from worker.door.http.request_target import Target
from worker.door.knowledge import Knowledge
from worker.door.requests import argo_cd
from worker.door.visits.visit import Visit

MOST_ANSWER_BYTES = 4 * 1024 * 1024


async def answer(visit: Visit, path: str, knowledge: Knowledge) -> tuple[int, bytes] | None:
    """Returns status and body of the answer to a GET; None if the command may not read that, or it is unbounded."""
    try:
        target = request_target.parse_without_pass(path.encode("ascii"))
        is_read = argo_cd.is_looked_at(target) if visit.is_to_argo_cd else await _is_read(visit, target, knowledge)
        if not is_read:
            return None
        return await forwarding.ask(visit, target, most_bytes=MOST_ANSWER_BYTES)
    except (BadRequestError, ServerError, UnicodeError):
        return None


async def _is_read(visit: Visit, target: Target, knowledge: Knowledge) -> bool:
    request = Request(Head(method="GET", target=target, host="", headers=()), b"")
    judged = await knowledge.judge(visit, request)
    return judged.refusal is None and judged.judgement.is_read and judged.info.verb != "watch"
