"""What the door says about one request of a command, without a server."""

import re

from shared.effects import Effects
from worker.door.http.child_connection import Request
from worker.door.http.request_head import GRPC_WEB, Head
from worker.door.http.request_target import Target
from worker.door.requests import argo_cd, kinds, permission, request_info
from worker.door.requests import effects as judging
from worker.door.requests.permission import Refusal, Subject

_METHOD = re.compile(r"/[a-z.]+\.[A-Za-z]+Service/[A-Za-z]+")
_EMPTY_FRAME = bytes(5)


def refusal(effects: Effects, request: str, *, kind: str = "", is_release: bool = False) -> Refusal | None:
    """Returns why the request is refused; None if it is forwarded. It is `METHOD PATH?QUERY BODY`."""
    subject = _of_argo_cd(request) or _of_kubernetes(request, kind=kind, is_release=is_release)
    found = permission.refusal(effects, subject)
    assert found is None or found.rule in permission.rules_of(effects)
    return found


def _of_argo_cd(request: str) -> Subject | None:
    """Returns the call of one of Argo CD's methods, with an empty message; None if it is none."""
    path = request.removeprefix("POST ")
    if not _METHOD.fullmatch(path):
        return None
    head = Head("POST", Target("", path, ()), "", (("content-type", GRPC_WEB),))
    return Subject(*argo_cd.resolve(Request(head, _EMPTY_FRAME)))


def _of_kubernetes(request: str, *, kind: str, is_release: bool) -> Subject:
    method, target, body = [*request.split(maxsplit=2), ""][:3]
    path, _, text = target.partition("?")
    query = [(name, value) for name, _, value in (pair.partition("=") for pair in text.split("&") if pair)]
    info = request_info.resolve(method, path, query)
    content_type = f"application/{'merge-patch+' if method == 'PATCH' else ''}json"
    judgement = judging.judge(info, method=method, query=query, body=body.encode(), content_type=content_type)
    is_namespaced = (info.group, info.resource) not in kinds.CLUSTER_WIDE
    return Subject(info, judgement, kind=kind, is_namespaced=is_namespaced, is_release=is_release)
