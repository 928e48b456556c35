"""Answers dry runs on Secrets, where values are masked: forwarded, they would tell whether a guessed value is the true
one.

A dry run is answered from the live object as the command may see it, with what the request changes besides values.
A value that the live object has stays as it is: the two are not compared.
"""

import base64
import json
import re

from shared.documents import Value
from shared.effects import Effects, SecretValues
from worker.door import forwarding
from worker.door.http.child_connection import Request
from worker.door.http.errors import ServerError
from worker.door.http.request_target import Target
from worker.door.masking import answers, secret_objects
from worker.door.masking.answers import AnswerMask
from worker.door.masking.splitting import MOST_OBJECT_BYTES
from worker.door.masking.tree import MaskingError
from worker.door.requests import bodies, kinds, protobuf
from worker.door.requests.effects import Judgement
from worker.door.requests.request_info import RequestInfo
from worker.door.visits.visit import Visit

Fields = dict[str, Value]
WARNING = '299 - "values of Secrets were not compared: they are masked, and the API server did not see this dry run"'
_APPLIES = frozenset({"application/apply-patch+yaml", "application/apply-patch+cbor"})
_OK, _CREATED, _FORBIDDEN, _NOT_FOUND, _CONFLICT = 200, 201, 403, 404, 409
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
"""Names of Secrets: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names"""
_DIRECTIVE = "$"
"""Beginning of the keys of a strategic merge patch that say how it merges."""


def are_answered(effects: Effects, info: RequestInfo, judgement: Judgement) -> bool:
    """Whether the door answers a request itself, because it is a dry run on a Secret."""
    is_of_secret = (info.group, info.resource, info.subresource) == (*kinds.SECRETS, "")
    is_masked = effects.secrets is SecretValues.MASKED
    return judgement.is_dry_run and is_of_secret and is_masked and info.verb in kinds.VERBS_ANSWERED


async def answer(visit: Visit, request: Request, info: RequestInfo) -> tuple[int, bytes]:
    """Returns status and body of the answer. Raises `ServerError`, and `BadRequestError` as a request for it does."""
    mask = AnswerMask(info, answers.showing(visit.effects))
    sent = _sent(request)
    name = info.name or _name(sent)
    path = info.path if info.name else f"{info.path.rstrip('/')}/{name}"
    status, live = await _live(visit, path) if name else (_NOT_FOUND, {})
    mask.mask(live)
    mask.mask(sent)
    creates = info.verb == "create" or bodies.media_type(request.head.header("content-type")) in _APPLIES
    if creates and (status == _NOT_FOUND or (status == _FORBIDDEN and info.verb == "create")):
        return _written(_CREATED, sent)
    if status != _OK:
        return _written(status, live)
    return _of_live(info, name, live=live, sent=sent)


def _of_live(info: RequestInfo, name: str, *, live: Fields, sent: Fields) -> tuple[int, bytes]:
    match info.verb:
        case "create":
            return _written(_CONFLICT, _status("AlreadyExists", _CONFLICT, f'secrets "{name}" already exists'))
        case "delete":
            return _written(_OK, _status("", _OK, ""))
        case "update":
            return _written(_OK, _replaced(live, sent))
    return _written(_OK, _merged(live, sent))


async def _live(visit: Visit, path: str) -> tuple[int, Fields]:
    """Returns status and body of the answer about the live object."""
    status, body = await forwarding.ask(visit, Target("", path, ()), most_bytes=MOST_OBJECT_BYTES)
    try:
        live = answers.read(body)
    except MaskingError:
        live = None
    if not isinstance(live, dict):
        raise ServerError("its answer is not an object in JSON")
    return status, live


def _sent(request: Request) -> Fields:
    """Returns the object or patch that a request sends; nothing of a form that is not merged here."""
    content_type = request.head.header("content-type")
    try:
        if bodies.media_type(content_type) == protobuf.MEDIA_TYPE:
            kind, name = protobuf.identified(request.body)
            return {"kind": kind, "apiVersion": "v1", "metadata": {"name": name}}
        is_patch = bodies.media_type(content_type) == bodies.JSON_PATCH
        return bodies.read(request.body, content_type) if request.body and not is_patch else {}
    except (bodies.UndecidableError, ValueError):
        return {}


def _name(sent: Fields) -> str:
    metadata = sent.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) and _NAME.fullmatch(name) else ""


def _replaced(live: Fields, sent: Fields) -> Fields:
    """Returns the object that replaces the live one, with the values and the identity of the live one."""
    metadata = live.get("metadata")
    own = {"metadata": {**metadata, **_fields(sent, "metadata")}} if isinstance(metadata, dict) else {}
    kept = {key: value for key, value in sent.items() if key not in secret_objects.VALUE_FIELDS}
    return {**kept, **own, **_values(live, sent)}


def _merged(live: Fields, patch: Fields) -> Fields:
    """Returns the live object with a patch merged into it (RFC 7396), except for values."""
    changed = {key: value for key, value in patch.items() if key not in secret_objects.VALUE_FIELDS}
    kept = {key: value for key, value in live.items() if key not in secret_objects.VALUE_FIELDS}
    removed = [key for key, value in _fields(patch, "data").items() if value is None]
    written = {**_fields(live, "data"), **_fields(patch, "data")}
    values = _values(live, {"data": written, "stringData": _fields(patch, "stringData")})
    for key in removed:
        _fields(values, "data").pop(key, None)
    return {**_merge(kept, changed), **values}


def _values(live: Fields, sent: Fields) -> Fields:
    """Returns the values of an object that is written: those that the live object has are the live ones."""
    known = _fields(live, "data")
    texts = {key: _encoded(value) for key, value in _fields(sent, "stringData").items()}
    data = {key: known.get(key, value) for key, value in {**_fields(sent, "data"), **texts}.items()}
    return {"data": data} if data else {}


def _merge(target: Fields, patch: Fields) -> Fields:
    merged = dict(target)
    for key, value in patch.items():
        if key.startswith(_DIRECTIVE):
            continue
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            merged[key] = _merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def _fields(of: Fields, name: str) -> Fields:
    value = of.get(name)
    return value if isinstance(value, dict) else {}


def _encoded(value: Value) -> str:
    return base64.b64encode(str(value).encode("utf-8", "replace")).decode()


def _status(reason: str, code: int, message: str) -> Fields:
    outcome = "Success" if code == _OK else "Failure"
    told: Fields = {"reason": reason, "message": message, "code": code} if message else {}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": outcome, **told}


def _written(status: int, body: Fields) -> tuple[int, bytes]:
    return status, json.dumps(body).encode()
