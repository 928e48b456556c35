"""What the door says about one request of a command, without a server."""

from shared.effects import Effects
from worker.door.requests import effects as judging
from worker.door.requests import kinds, permission, request_info
from worker.door.requests.permission import Refusal, Subject


def refusal(effects: Effects, request: str, *, kind: str = "", is_release: bool = False) -> Refusal | None:
    """Returns why the request is refused; None if it is forwarded. It is written as `METHOD PATH?QUERY BODY`."""
    method, target, body = [*request.split(maxsplit=2), ""][:3]
    path, _, text = target.partition("?")
    query = [(name, value) for name, _, value in (pair.partition("=") for pair in text.split("&") if pair)]
    info = request_info.resolve(method, path, query)
    content_type = f"application/{'merge-patch+' if method == 'PATCH' else ''}json"
    judgement = judging.judge(info, method=method, query=query, body=body.encode(), content_type=content_type)
    is_namespaced = (info.group, info.resource) not in kinds.CLUSTER_WIDE
    subject = Subject(info, judgement, kind=kind, is_namespaced=is_namespaced, is_release=is_release)
    found = permission.refusal(effects, subject)
    assert found is None or found.rule in permission.rules_of(effects)
    return found
