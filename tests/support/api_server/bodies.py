"""From a request's body to an object: JSON and the patches that are JSON, YAML for an apply, a little protobuf."""

import json
from typing import Any

import yaml
from starlette.requests import Request

from tests.support.api_server import protobuf, statuses
from tests.support.api_server.resources import KubeObject

APPLY = "application/apply-patch+yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"


def content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip()


async def read(request: Request) -> KubeObject:
    """Raises ApiError."""
    body = await request.body()
    try:
        document = _parse(body, content_type(request))
    except (ValueError, yaml.YAMLError) as error:
        raise statuses.bad_request(f"the body cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise statuses.bad_request("the body is not an object")
    return document


def _parse(body: bytes, media_type: str) -> Any:
    if media_type == PROTOBUF:
        return protobuf.decode(body)
    if media_type == APPLY:
        return yaml.safe_load(body)
    if media_type.endswith("json"):
        return json.loads(body)
    raise statuses.unsupported_media_type(media_type)
